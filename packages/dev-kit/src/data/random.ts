/**
 * A small fast generator (sfc32) for test data: the same seed and stream give the same values on every machine.
 * Not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param stream - which of the independent sequences of one seed, such as a user's index. */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x9e3779b9 ^ Math.imul(seed | 0, 0x85ebca6b) ^ Math.imul(stream | 0, 0xc2b2ae35);
    for (let round = 0; round < 12; round++) this.uint32();
  }

  uint32(): number {
    const mixed = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + mixed;
    this.#c |= 0;
    return mixed >>> 0;
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** From `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.fraction() * items.length)] as T;
  }

  /** Small numbers often, large ones seldom: geometric, from 0. */
  geometric(mean: number): number {
    return Math.floor(Math.log(1 - this.fraction()) / Math.log(mean / (mean + 1)));
  }

  /** Bytes that look like a hash or a key, in base64url: 43 characters for 32 bytes. */
  base64url(bytes: number): string {
    return this.bytes(bytes).toString("base64url");
  }

  bytes(length: number): Buffer {
    const words = Math.ceil(length / 4);
    const buffer = Buffer.allocUnsafe(words * 4);
    for (let word = 0; word < words; word++) buffer.writeUInt32LE(this.uint32(), word * 4);
    return buffer.subarray(0, length);
  }
}
