import type { AeadEncryptionContext } from "../../hpke-common@1.10.1/mod.js";
export interface KeyInfo {
    key: AeadEncryptionContext;
    baseNonce: Uint8Array;
    seq: number;
}
