import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

interface Member {
  comment: string;
  /** Name of the interface that the member's type refers to, or the members of a type written in place. */
  type: string | Members | undefined;
}

type Members = Map<string, Member>;

/** The TSDoc of the document interfaces, found by path, so that the reference says what the code says. */
export class Comments {
  readonly #interfaces = new Map<string, Members>();
  readonly #summaries = new Map<string, string>();

  constructor(...folders: readonly string[]) {
    for (const folder of folders)
      for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }))
        if (file.endsWith(".ts")) this.#read(join(folder, file));
  }

  /** An interface's summary. */
  summary(name: string): string {
    return this.#summaries.get(name) ?? "";
  }

  /** An interface's comment on a field, given by its dotted path. */
  field(name: string, path: string): string {
    let members = this.#interfaces.get(name);
    let comment = "";
    for (const part of path.split(".")) {
      const member = members?.get(part);
      comment = member?.comment ?? "";
      members = typeof member?.type === "string" ? this.#interfaces.get(member.type) : member?.type;
    }
    return comment;
  }

  #read(file: string): void {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
    for (const statement of source.statements) {
      if (!ts.isInterfaceDeclaration(statement)) continue;
      this.#interfaces.set(statement.name.text, membersOf(statement.members));
      this.#summaries.set(statement.name.text, commentOf(statement));
    }
  }
}

function membersOf(elements: ts.NodeArray<ts.TypeElement>): Members {
  const members: Members = new Map();
  for (const element of elements) {
    if (!ts.isPropertySignature(element) || !ts.isIdentifier(element.name)) continue;
    members.set(element.name.text, { comment: commentOf(element), type: typeOf(element.type) });
  }
  return members;
}

function typeOf(type: ts.TypeNode | undefined): Member["type"] {
  if (!type) return undefined;
  if (ts.isArrayTypeNode(type)) return typeOf(type.elementType);
  if (ts.isTypeLiteralNode(type)) return membersOf(type.members);
  return ts.isTypeReferenceNode(type) && ts.isIdentifier(type.typeName) ? type.typeName.text : undefined;
}

function commentOf(node: ts.Node): string {
  const [documentation] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = ts.getTextOfJSDocComment(documentation?.comment) ?? "";
  return text.replace(/\s+/g, " ").trim();
}
