import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";

/** What a line printed, on both of its streams, and its exit code. */
export interface Ran {
  readonly status: number;
  readonly output: string;
}

/** One bash that is given line after line, as a terminal is: folders and variables stay. */
export class Shell {
  readonly #child: ChildProcess;
  #output = "";
  #onOutput: () => void = () => undefined;
  #onExit: () => void = () => undefined;

  constructor(cwd: string, env: Readonly<Record<string, string>>) {
    // A condition that the test runner was started with would lead a program to our sources.
    const { NODE_OPTIONS: _, MONGODB_URI: _own, ...rest } = process.env;
    this.#child = spawn("bash", ["--noprofile", "--norc"], { cwd, env: { ...rest, ...env } });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#onOutput();
      });
    this.#child.once("exit", () => this.#onExit());
  }

  /** Runs a line to its end. */
  async run(line: string): Promise<Ran> {
    const mark = randomBytes(8).toString("hex");
    this.#output = "";
    const ended = new Promise<Ran>((resolve, reject) => {
      this.#onOutput = () => {
        const [, output = "", status] = new RegExp(`^(.*)${mark} (\\d+)\\n`, "s").exec(this.#output) ?? [];
        if (status !== undefined) resolve({ status: Number(status), output });
      };
      this.#onExit = () => reject(new Error(`the shell ended at: ${line}`));
    });
    this.#child.stdin?.write(`${line} </dev/null\necho ${mark} $?\n`);
    return ended;
  }

  /** The folder in which it is. */
  async folder(): Promise<string> {
    return (await this.run("pwd")).output.trim();
  }

  end(): void {
    this.#child.kill();
  }
}
