/**
 * Parameters of the generated data. Shares and rates are estimates from public statistics and from how networks and
 * browsers work; none was fitted to make a model win, and none comes from real users.
 */
export const parameters = {
  users: 6_000,
  days: 365,
  /** Sign-ins of a user over the year: log-normal. The RBA data set has a median of 2, but too few users reach 39. */
  activity: { median: 5, sigma: 1.15, most: 100 },

  network: {
    /** Homes with IPv6; the rest has one IPv4 address. */
    homeIpv6: 0.4,
    /** Mean time that a home keeps its address or prefix, days. */
    homeLeaseDays: 75,
    /** A new IPv4 address of a home comes from the same /24. */
    sameBlock: 0.5,
    /** Mobile carriers that hand out IPv6, a new /64 each time; the others share addresses of few /24s per city. */
    mobileIpv6: 0.4,
    mobileBlocks: 12,
    homeBlocks: 400,
    /** Users with a workplace whose network they sign in from, and people per workplace. */
    workers: 0.4,
    workplaceSize: 40,
    /** Sign-ins from a café, a friend's home, a train. */
    elsewhere: 0.03,
    /** Users of Safari who have a relay on. */
    relay: 0.2,
    /** Users who have a VPN, and the share of their sign-ins that goes through it. */
    vpnUsers: 0.03,
    vpnUse: 0.6,
  },

  travel: {
    /** Users who travel, their trips per year, and how long a trip takes, days. */
    travellers: 0.5,
    tripsPerYear: 1.5,
    days: [2, 14],
    abroad: 0.4,
    /** On a trip, a phone that stays on its home carrier's network. */
    roaming: 0.5,
  },

  place: {
    /** Addresses that the database puts into another city, and ones of which it knows no operator. */
    wrongCity: 0.02,
    unknownOperator: 0.01,
    accuracyKm: 30,
  },

  device: {
    phoneOwners: 0.85,
    desktopOwners: 0.75,
    secondBrowser: 0.15,
    /** Devices that are replaced, per year. */
    replacedPerYear: 0.35,
    releaseDays: 28,
    /** Mean time that an update waits, days: for most, and for the share of those who put it off. */
    updateLagDays: 12,
    lateUpdaters: 0.06,
    lateLagDays: 150,
    /** Full headers with a token of their own: in-app browsers, vendors' builds, extensions. */
    ownToken: 0.35,
    /** Android browsers whose header still names the model. */
    modelInHeader: 0.3,
  },

  behaviour: {
    /** Sign-ins after at least one typing error. */
    typos: 0.12,
    /** Spread of the personal concentration of hours (von Mises). */
    rhythm: [0.3, 3],
    /** Share of the weekend's sign-ins that users with a workplace leave out. */
    freeWeekends: 0.75,
  },

  attacks: {
    /** Of each attacker model. */
    each: 3_000,
    /** Share of addresses of naive attackers that some list has. */
    naiveListed: 0.6,
    /** Share of attacks by naive attackers with a program that says so. */
    naiveAutomated: 0.1,
    /** Share of VPN addresses that lists know. */
    vpnListed: 0.7,
    targetedListed: 0.1,
    /** Takeovers through listed addresses: 55 % in the RBA data set. */
    veryTargetedListed: 0.55,
    /** Very targeted attackers who come from the victim's own /24 or /64, and who copy the victim's header. */
    sameNetwork: 0.15,
    sameAgent: 0.6,
  },

  /** Attackers beyond the published models, for the ablation; described in `variants.ts`. */
  variants: {
    /** Of each variant. */
    each: 3_000,
    /** Mean time between a sign-in and the one that a phishing site makes of it, minutes. */
    relayMinutes: 10,
  },
} as const;
