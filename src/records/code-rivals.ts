/** Which space in use has a code in common with one that is asked for: the same judgement in every store. */
import { spacesOverlap } from '../domain/code-space.ts';
import type { CodeExtent } from '../domain/template.ts';

export interface SpaceInUse {
  readonly space: string;
  /** One of the templates with codes in it. */
  readonly templateId: number;
}

export type Reservation =
  | { readonly kind: 'reserved'; readonly extent: CodeExtent }
  | { readonly kind: 'code_space_full' }
  | { readonly kind: 'codes_overlap'; readonly templateId: number };

/**
 * `inUse`: the spaces of patterns. Default spaces need not be among them: they share no code with one another, and a
 * pattern that could look like a default code is refused before it is stored (domain/code-space.ts).
 */
export function rivalOf(space: string, inUse: readonly SpaceInUse[]): SpaceInUse | null {
  return inUse.find((other) => other.space !== space && spacesOverlap(other.space, space)) ?? null;
}

/** What tells the name of a pattern's space in SQL. */
export const PATTERN_SPACES = "space LIKE '%|%'";
