// Finds where a text stops being JSON. JSON.parse says it in words that change with its version, and sometimes not at all.

const FIRST_PRINTABLE = 0x20;
const ESCAPED = '"\\/bfnrt';
const SPACE = /[ \t\n\r]*/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEX = /[\da-fA-F]{4}/y;

/** What may come next: in an object a key, then a colon, then a value; "first" allows the closing bracket as well. */
type Next = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma' | 'end';

/** The index of the first character that JSON has not there; the length of the text where it ends too early. */
export function faultOf(text: string): number {
  const walk = new Walk(text);
  while (walk.step());
  return walk.at;
}

class Walk {
  at = 0;
  readonly #text: string;
  /** The brackets that are open, as what closes them. */
  readonly #closing: ('}' | ']')[] = [];
  #next: Next = 'value';

  constructor(text: string) {
    this.#text = text;
  }

  /** Goes on by a word or a sign; false where the text has another one. */
  step(): boolean {
    this.#skip(SPACE);
    const sign = this.#text[this.at];
    if (sign === undefined) return false;
    switch (this.#next) {
      case 'value':
        return this.#value(sign);
      case 'first value':
        return sign === ']' ? this.#close(sign) : this.#value(sign);
      case 'first key':
        return sign === '}' ? this.#close(sign) : this.#key(sign);
      case 'key':
        return this.#key(sign);
      case 'colon':
        return sign === ':' && this.#pass('value');
      case 'comma':
        if (sign === ',') return this.#pass(this.#closing.at(-1) === '}' ? 'key' : 'value');
        return this.#close(sign);
      case 'end':
        return false;
    }
  }

  #value(sign: string): boolean {
    if (sign === '{') {
      this.#closing.push('}');
      return this.#pass('first key');
    }
    if (sign === '[') {
      this.#closing.push(']');
      return this.#pass('first value');
    }
    if (!(sign === '"' ? this.#string() : this.#skip(SCALAR))) return false;
    this.#next = this.#closing.length > 0 ? 'comma' : 'end';
    return true;
  }

  #key(sign: string): boolean {
    if (sign !== '"' || !this.#string()) return false;
    this.#next = 'colon';
    return true;
  }

  #close(sign: string): boolean {
    if (sign !== this.#closing.at(-1)) return false;
    this.#closing.pop();
    return this.#pass(this.#closing.length > 0 ? 'comma' : 'end');
  }

  #pass(next: Next): boolean {
    this.at++;
    this.#next = next;
    return true;
  }

  #string(): boolean {
    const text = this.#text;
    for (this.at++; this.at < text.length; this.at++) {
      const sign = text[this.at];
      if (sign === '"') {
        this.at++;
        return true;
      }
      if (sign.charCodeAt(0) < FIRST_PRINTABLE) return false;
      if (sign === '\\' && !this.#escape()) return false;
    }
    return false;
  }

  /** Goes to the last character of what a backslash begins. */
  #escape(): boolean {
    const letter = this.#text[this.at + 1];
    HEX.lastIndex = this.at + 2;
    if (letter === 'u' && HEX.test(this.#text)) this.at += 5;
    else if (letter !== undefined && ESCAPED.includes(letter)) this.at++;
    else return false;
    return true;
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const there = pattern.test(this.#text);
    if (there) this.at = pattern.lastIndex;
    return there;
  }
}
