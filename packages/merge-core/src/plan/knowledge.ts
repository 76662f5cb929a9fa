import { type Fact, type FactName, type Site, type SiteFacts, siteKey } from '@emplace/fsprobe';

/** What is known of the sites of one merge: what its caller knows, and what was measured there. */
export class Knowledge {
  readonly #given: (site: Site) => SiteFacts;
  readonly #measured = new Map<string, SiteFacts>();
  /** The last answer: entry after entry of a directory asks of the same site. */
  #last: { readonly site: Site; readonly facts: SiteFacts } | undefined;

  constructor(given: (site: Site) => SiteFacts = () => ({})) {
    this.#given = given;
  }

  /** All that is known of a site. */
  of(site: Site): SiteFacts {
    if (this.#last?.site === site) return this.#last.facts;
    const key = siteKey(site);
    const known = this.#measured.get(key) ?? this.#given(site);
    this.#measured.set(key, known);
    this.#last = { site, facts: known };
    return known;
  }

  learn(site: Site, name: FactName, fact: Fact): void {
    this.#measured.set(siteKey(site), { ...this.of(site), [name]: fact });
    this.#last = undefined;
  }

  /** Why something does not work there, as far as is known. */
  refusal(site: Site, name: FactName): string | undefined {
    const fact = this.of(site)[name];
    return fact?.answer === 'no' ? fact.why : undefined;
  }
}
