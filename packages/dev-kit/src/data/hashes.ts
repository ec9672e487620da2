/** 32 bytes that no other index and no other purpose has. */
export function hashOf(purpose: string, index: number): Buffer {
  return Buffer.from(String(index).padStart(32, purpose));
}
