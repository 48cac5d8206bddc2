import type { Problem } from '@outrider/shared/errors.ts';
import type { JsonObject } from '@outrider/shared/json.ts';
import type { Checkable } from '../documents/checks/report.ts';
import type { ResourceKind, ResourceRef } from './ports.ts';

/**
 * What operators do with definitions. Every refusal is a thrown OutriderError whose code, message, hint and problems
 * are meant for the operator.
 */
export interface Resources {
  /**
   * Stores all or nothing. References are checked against what is stored and what is given together. Refuses with
   * `reference-missing` or `document-invalid` (all problems at once) or `version-conflict`.
   */
  apply(given: readonly GivenResource[], by: string): Promise<readonly AppliedResource[]>;
  /** The problems that `apply` would refuse with; empty: it would store them. Stores nothing. */
  validate(given: readonly GivenResource[]): Promise<readonly Problem[]>;
  /** Refuses with `not-found`, naming the nearest names that there are. */
  get(ref: ResourceRef, version?: number): Promise<ResourceView>;
  /** Sorted by application and name. `limit` 1–200. */
  list(
    kind: ResourceKind,
    options: {
      readonly application?: string | undefined;
      readonly cursor?: string | undefined;
      readonly limit: number;
    },
  ): Promise<ResourcePage>;
  /** Refuses with `in-use`, naming what uses it, `not-found`, or `version-conflict`. */
  delete(ref: ResourceRef, ifVersion?: number): Promise<void>;
}

/** A resource that was parsed and is valid in itself, with what is known of the file it came from. */
export interface GivenResource extends Checkable {
  /** 0: it must not exist yet; a number: it must be at this version; left out: whatever there is. */
  readonly ifVersion?: number | undefined;
}

export interface AppliedResource extends ResourceRef {
  readonly version: number;
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

export interface ResourceView extends ResourceRef {
  readonly version: number;
  readonly updatedAt: string;
  readonly updatedBy: string;
  /** apiVersion, kind, metadata and spec, defaults filled in. */
  readonly document: JsonObject;
}

export interface ResourcePage {
  readonly items: readonly ResourceView[];
  readonly nextCursor: string | null;
}
