// Archives documents in a file of EJSON lines that survives a crash.
import { access, constants, type FileHandle, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type ExactDocument, exactText } from "../core/bson/exact.js";
import { OptimizerError } from "../core/errors.js";

const newline = 0x0a;
const opening = 0x7b;
const chunk = 65_536;

/**
 * An NDJSON file that documents are archived to. What {@link ArchiveFile.append} has returned from is on the disk. A
 * process that is killed in the midst of a line leaves its beginning behind; the next that opens the file cuts it off,
 * for the documents of that line were not deleted.
 */
export class ArchiveFile {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** @throws {OptimizerError} `ARCHIVE_FAILED` when the file cannot be written, or ends in something else */
  static async open(path: string): Promise<ArchiveFile> {
    return failing(path, async () => {
      // Who reads the archive reads what was in the database.
      const handle = await open(path, "a+", 0o600);
      try {
        await cutTornLine(handle);
        return new ArchiveFile(handle);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  /** Adds the documents, one a line, and waits until the disk has them. */
  async append(documents: readonly ExactDocument[], path: string): Promise<void> {
    const lines = documents.map((document) => `${exactText(document)}\n`);
    await failing(path, async () => {
      await this.#handle.appendFile(lines.join(""));
      await this.#handle.sync();
    });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * Checks that a file can be archived to, without making or changing it.
 *
 * @throws {OptimizerError} `ARCHIVE_FAILED`
 */
export async function assertArchive(path: string): Promise<void> {
  await failing(path, async () => {
    const handle = await openIfThere(path);
    if (!handle) return access(dirname(resolve(path)), constants.W_OK);
    try {
      await tornLine(handle);
    } finally {
      await handle.close();
    }
  });
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function cutTornLine(handle: FileHandle): Promise<void> {
  const start = await tornLine(handle);
  if (start === undefined) return;
  await handle.truncate(start);
  await handle.sync();
}

/** Where a line begins that has no end; nothing where all have. Throws when it is no line of an archive. */
async function tornLine(handle: FileHandle): Promise<number | undefined> {
  const { size } = await handle.stat();
  const end = await endOfLastLine(handle, size);
  if (end === size) return undefined;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, end);
  if (buffer[0] !== opening) throw new Error("it does not end in a line of JSON: it is no archive");
  return end;
}

async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; end -= chunk) {
    const start = Math.max(end - chunk, 0);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const at = buffer.subarray(0, bytesRead).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

async function failing<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const message = `The archive ${path} cannot be written: ${(error as Error).message}`;
    throw new OptimizerError("ARCHIVE_FAILED", message, { cause: error, details: { file: path } });
  }
}
