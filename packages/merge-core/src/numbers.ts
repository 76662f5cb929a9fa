/** A list of numbers from 0 to 2^32 - 1, four bytes each. */
export class Numbers {
  #data: Uint32Array;
  #length: number;

  /** @param data what is in it already; it is copied when the list grows */
  constructor(data: Uint32Array = new Uint32Array(0)) {
    this.#data = data;
    this.#length = data.length;
  }

  get length(): number {
    return this.#length;
  }

  /** 0 beyond its end. */
  at(index: number): number {
    return this.#data[index] ?? 0;
  }

  push(value: number): void {
    if (this.#length === this.#data.length) {
      const data = new Uint32Array(Math.max(1024, this.#length * 2));
      data.set(this.#data);
      this.#data = data;
    }
    this.#data[this.#length++] = value;
  }

  /** A view, good until the next push. */
  get array(): Uint32Array {
    return this.#data.subarray(0, this.#length);
  }
}
