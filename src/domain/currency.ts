/** ISO 4217: how many decimals a currency's minor unit has. Most have two; these are the others. */
const DECIMALS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    3: 'BHD IQD JOD KWD LYD OMR TND',
    4: 'CLF UYW',
  }).flatMap(([decimals, codes]) => codes.split(' ').map((code) => [code, Number(decimals)] as const)),
);

/** JPY → 0, CNY → 2, KWD → 3. */
export function currencyDecimals(code: string): number {
  return DECIMALS.get(code) ?? 2;
}
