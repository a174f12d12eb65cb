const REPLACEMENT = 0xfffd;

/** UTF-8 bytes of a text; a lone surrogate becomes U+FFFD, as `TextEncoder` does (pure folders have no such class). */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let size = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      bytes[size++] = unit;
      continue;
    }
    const point = codePointAt(text, at);
    if (point > 0xffff) at += 1;
    size = putMultiByte(bytes, size, point);
  }
  return bytes.slice(0, size);
}

function codePointAt(text: string, at: number): number {
  const point = text.codePointAt(at) ?? REPLACEMENT;
  return point >= 0xd800 && point <= 0xdfff ? REPLACEMENT : point;
}

function putMultiByte(bytes: Uint8Array, at: number, point: number): number {
  let next = at;
  if (point < 0x800) {
    bytes[next++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      bytes[next++] = 0xe0 | (point >> 12);
    } else {
      bytes[next++] = 0xf0 | (point >> 18);
      bytes[next++] = 0x80 | ((point >> 12) & 0x3f);
    }
    bytes[next++] = 0x80 | ((point >> 6) & 0x3f);
  }
  bytes[next++] = 0x80 | (point & 0x3f);
  return next;
}
