import type { Pattern } from './why.ts';

/** What the states of targets mean that are not healthy. First match counts. */
export const TARGETS: readonly Pattern[] = [
  {
    text: /Target\.NotInUse/,
    code: 'health-check-failed',
    cause: 'the target group gets no traffic: no listener forwards to it, or the zone of the task is not enabled',
    advice: "Attach the target group to a listener, and enable the subnets' zones for the load balancer.",
    passes: true,
    noPlace: true,
  },
  {
    text: /Target\.Timeout/,
    code: 'health-check-failed',
    cause: "the tasks do not answer the load balancer's health checks in time",
    advice: "Check the security groups, the port, and the target group's timeout.",
    passes: true,
  },
  {
    text: /Target\.ResponseCodeMismatch/,
    code: 'health-check-failed',
    cause: "the tasks answer the load balancer's health checks with another status than wanted",
    advice: "Check the target group's path and success codes (matcher).",
    passes: true,
  },
  {
    text: /Target\.(FailedHealthChecks|IpUnusable|InvalidState)/,
    code: 'health-check-failed',
    cause: "the load balancer's health checks fail",
    advice: 'Check the port, the security groups and that the program listens on all addresses.',
    passes: true,
  },
];
