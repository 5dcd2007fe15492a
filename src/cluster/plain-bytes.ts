/** Drivers give Buffers, whose `slice` does not copy as that of every other byte array does. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
