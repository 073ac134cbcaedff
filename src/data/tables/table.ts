export interface Table {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly Column[];
  place(row: number): string;
  readonly checksum: number;
  readonly notices: readonly string[];
}
export type Column = { readonly name: string } & (
  | { readonly kind: 'number'; readonly values: Float64Array }
  | { readonly kind: 'date'; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly values: readonly (readonly string[])[] }
);
