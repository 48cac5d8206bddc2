// Original file: proto/outrider/delegate/v1/delegate.proto


export interface Draining {
  'reason'?: (string);
}

export interface Draining__Output {
  'reason'?: (string);
}
