// Original file: proto/outrider/delegate/v1/delegate.proto

import type { InventoryItem as _outrider_delegate_v1_InventoryItem, InventoryItem__Output as _outrider_delegate_v1_InventoryItem__Output } from '../../../outrider/delegate/v1/InventoryItem.ts';

export interface Hello {
  'delegateName'?: (string);
  'instanceId'?: (string);
  'protocolMin'?: (number);
  'protocolMax'?: (number);
  'version'?: (string);
  'tags'?: (string)[];
  'stepTypes'?: (string)[];
  'slots'?: (number);
  'inventory'?: (_outrider_delegate_v1_InventoryItem)[];
  'region'?: (string);
}

export interface Hello__Output {
  'delegateName'?: (string);
  'instanceId'?: (string);
  'protocolMin'?: (number);
  'protocolMax'?: (number);
  'version'?: (string);
  'tags'?: (string)[];
  'stepTypes'?: (string)[];
  'slots'?: (number);
  'inventory'?: (_outrider_delegate_v1_InventoryItem__Output)[];
  'region'?: (string);
}
