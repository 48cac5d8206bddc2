/**
 * Runs beside the script as the leader of its group. It watches the pipe that the delegate holds open, and kills the group
 * when that closes: a delegate that was killed leaves no script behind. A signal that asks the group to end is for the script;
 * the supervisor waits for it, so that its exit code is known.
 */
export const SUPERVISOR = (collector: string): string => `\
trap : TERM INT HUP
/bin/bash --noprofile --norc ${quoted(collector)} 3<&- &
script=$!
(
  trap '' TERM INT HUP
  while IFS= read -r line <&3; do :; done
  kill -KILL -- -$$
) >/dev/null 2>&1 </dev/null &
guard=$!
while :; do
  wait "$script"
  status=$?
  kill -0 "$script" 2>/dev/null || break
done
{ kill -KILL "$guard"; wait "$guard"; } 2>/dev/null
exit "$status"
`;

/**
 * Runs the script in its own shell and writes the variables that are wanted when that ends, however it ends: at its last line,
 * by \`exit\`, or under \`set -e\`. A trap for EXIT that the script sets itself is run first.
 */
export const COLLECTOR = (options: {
  readonly script: string;
  readonly output: string;
  readonly names: readonly string[];
}): string => `\
__outrider_exit=''
__outrider_collect() {
  local status=$?
  builtin trap - EXIT
  eval "$__outrider_exit"
  local name
  for name in ${options.names.join(' ')}; do
    builtin printf '%s\\0%s\\0' "$name" "\${!name-}"
  done > ${quoted(options.output)}
  builtin exit "$status"
}
trap() {
  if [ "$#" -eq 2 ] && { [ "$2" = EXIT ] || [ "$2" = 0 ]; }; then
    if [ "$1" = - ]; then __outrider_exit=''; else __outrider_exit=$1; fi
  else
    builtin trap "$@"
  fi
}
builtin trap __outrider_collect EXIT
. ${quoted(options.script)}
`;

/** As one word of bash. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
