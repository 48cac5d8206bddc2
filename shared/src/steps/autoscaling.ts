import { z } from 'zod';
import { jsonObject } from './target.ts';

/** AWS JSON as operators paste it: an object, its text, or the whole output of a describe call. */
const pastedJson = z.union([jsonObject, z.string()]);

/** Auto scaling of the new service: attached after its final resize, in AWS's own JSON. */
export const autoScalerInput = z.strictObject({
  scalableTarget: pastedJson.describe(
    'ScalableTarget JSON (API or CloudFormation casing, or describe-scalable-targets output).',
  ),
  scalingPolicies: z.array(pastedJson).max(50).default([]).describe('ScalingPolicy JSON documents.'),
});

/** What a service's auto scaling looked like before it was touched, enough to put it back. */
export const autoScalingSnapshot = z.object({
  service: z.string(),
  scalableTarget: jsonObject,
  scalingPolicies: z.array(jsonObject),
  scheduledActions: z.array(jsonObject),
});
export type AutoScalingSnapshot = z.infer<typeof autoScalingSnapshot>;

export const autoScalerConfig = z.object({
  scalableTarget: jsonObject,
  scalingPolicies: z.array(jsonObject),
});
export type AutoScalerConfig = z.infer<typeof autoScalerConfig>;
