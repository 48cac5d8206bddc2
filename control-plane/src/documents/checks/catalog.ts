import type { Environment } from '@outrider/shared/model/environment.ts';
import type { Infrastructure } from '@outrider/shared/model/infrastructure.ts';
import { type Kind, keyOf, type Resource, type ResourceKey, type ResourceOf } from '@outrider/shared/model/resource.ts';
import type { Service } from '@outrider/shared/model/service.ts';
import type { Workflow } from '@outrider/shared/model/workflow.ts';
import type { ApplicationResources } from '../../domain/planning/find-resources.ts';
import type { Checkable } from './report.ts';

/** What is stored already. */
export interface StoredResources {
  readonly find: (key: ResourceKey) => Resource | undefined;
  /** Names of one kind in an application. */
  readonly names: (kind: Kind, application: string) => readonly string[];
}

/** The stored resources as a plain list. */
export function storedResources(resources: Iterable<Resource>): StoredResources {
  const byKey = new Map<string, Resource>();
  for (const resource of resources) byKey.set(idOf(keyOf(resource)), resource);
  return {
    find: (key) => byKey.get(idOf(key)),
    names: (kind, application) =>
      [...byKey.values()]
        .filter((resource) => resource.kind === kind && resource.metadata.application === application)
        .map((resource) => resource.metadata.name),
  };
}

/** What is given and what is stored, together; what is given stands before what is stored under the same name. */
export class Catalog {
  readonly #given = new Map<string, Checkable>();
  readonly #stored: StoredResources;

  constructor(documents: readonly Checkable[], stored: StoredResources) {
    this.#stored = stored;
    for (const document of documents) {
      const id = idOf(keyOf(document.resource));
      if (!this.#given.has(id)) this.#given.set(id, document);
    }
  }

  /** The document that describes the resource, if it is among those given. */
  given(key: ResourceKey): Checkable | undefined {
    return this.#given.get(idOf(key));
  }

  find(key: ResourceKey): Resource | undefined {
    return this.given(key)?.resource ?? this.#stored.find(key);
  }

  names(kind: Kind, application: string): readonly string[] {
    const given = [...this.#given.values()]
      .map((document) => keyOf(document.resource))
      .filter((key) => key.kind === kind && key.application === application);
    return [...new Set([...given.map((key) => key.name), ...this.#stored.names(kind, application)])];
  }

  service(application: string, name: string): Service | undefined {
    return ofKind('Service', this.find({ kind: 'Service', application, name }));
  }

  /** What the workflow refers to; where something is missing, all of the application, so that the nearest are found. */
  referencedBy(workflow: Workflow): ApplicationResources {
    const { application } = workflow.metadata;
    const { environment, phases } = workflow.spec;
    return {
      environments: this.#named<Environment>('Environment', application, [environment]),
      services: this.#named<Service>(
        'Service',
        application,
        phases.map((phase) => phase.service),
      ),
      infrastructures: this.#named<Infrastructure>(
        'Infrastructure',
        application,
        phases.map((phase) => phase.infrastructure),
      ),
    };
  }

  #named<Found extends Resource>(
    kind: Found['kind'],
    application: string,
    wanted: readonly string[],
  ): ReadonlyMap<string, Found> {
    const found = new Map<string, Found>();
    const load = (name: string) => {
      const resource = this.find({ kind, application, name });
      if (isOfKind<Found>(kind, resource)) found.set(name, resource);
    };
    wanted.forEach(load);
    if (wanted.some((name) => !found.has(name))) this.names(kind, application).forEach(load);
    return found;
  }
}

function isOfKind<Found extends Resource>(kind: Found['kind'], resource: Resource | undefined): resource is Found {
  return resource?.kind === kind;
}

function ofKind<K extends Kind>(kind: K, resource: Resource | undefined): ResourceOf<K> | undefined {
  return isOfKind<ResourceOf<K>>(kind, resource) ? resource : undefined;
}

function idOf(key: ResourceKey): string {
  return JSON.stringify([key.kind, key.application, key.name]);
}
