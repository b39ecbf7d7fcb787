const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** As short as it is clear: the time of today, the day of this year, or the date. */
export function shortTime(iso: string): string {
  const [then, now] = [new Date(iso), new Date()];
  if (then.toDateString() === now.toDateString()) return TIME.format(then);
  return (then.getFullYear() === now.getFullYear() ? DAY : DATE).format(then);
}

export function longTime(iso: string): string {
  return LONG.format(new Date(iso));
}

const WORDS = [
  ..."No One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve".split(" "),
] as readonly string[];

/** “Four things to do”. */
export function thingsToDo(count: number, all: number): string {
  if (count === 0) return all === 0 ? "A clean sheet" : "Nothing left to do";
  return `${WORDS[count] ?? count.toLocaleString()} ${count === 1 ? "thing" : "things"} to do`;
}
