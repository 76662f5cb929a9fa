/** Which sample of the faults is tried: another one each day, or the one that EMPLACE_LAB_SEED asks for. */
export function labSeed(): number {
  return Number(process.env.EMPLACE_LAB_SEED ?? Math.floor(Date.now() / 86_400_000));
}
