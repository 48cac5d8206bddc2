// takes minutes
import { sweepStories } from './check.ts';
import { storiesByType, VERSIONED_TYPES } from './stories.ts';

// Whatever is new is swept here.
sweepStories([...storiesByType()].filter(([type]) => !VERSIONED_TYPES.has(type)).flatMap(([, names]) => names));
