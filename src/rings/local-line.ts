/**
 * The doorbells between an owner and the ingress of the same thread. Each is a call instead of a message: an ingress that
 * has gathered the claims of a turn has them decided, written and answered before the turn ends.
 */
export class LocalLine {
  /** Requests wait. */
  toOwner: () => void = () => {};
  /** Replies wait. What is thrown there is not the owner's fault and does not end its life. */
  toIngress: () => void = () => {};

  /** Until the next life is here nobody drains; main tells the ingress what becomes of its claims. */
  ownerGone(): void {
    this.toOwner = () => {};
  }
}
