/** Lets every call tell whether what it goes to can be reached. */
import type { Away } from './away.ts';

export function watched<T extends object>(target: T, away: Away): T {
  return new Proxy(target, {
    get: (object, name) => {
      const member: unknown = Reflect.get(object, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const result: unknown = member.apply(object, args);
        if (result instanceof Promise)
          result.then(
            () => away.answered(),
            () => away.failed(),
          );
        return result;
      };
    },
  });
}
