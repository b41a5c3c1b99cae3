package writeback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// What is sealed must not be guessed from what is not: there are few names, birth
// dates and phone numbers, and whoever has a store could try them all. So digests
// of patients' data are keyed where there are keys.

// digestKey keys such digests; nil is none.
type digestKey []byte

// digestKeys has one for each of the sealer's keys, in their order, and nil as the
// last, for what was stored before there were keys.
type digestKeys []digestKey

func newDigestKeys(keys []SealKey) digestKeys {
	var out digestKeys
	for _, k := range keys {
		mac := hmac.New(sha256.New, k.Key)
		mac.Write([]byte("pms/1 digest"))
		out = append(out, mac.Sum(nil))
	}
	return append(out, nil)
}

// newest is that of the key that seals: whoever can open an item can check its
// hash.
func (ks digestKeys) newest() digestKey { return ks[0] }

// oldest is for what has to stay the same when a new key comes in front, such as
// lanes.
func (ks digestKeys) oldest() digestKey { return ks[max(len(ks)-2, 0)] }

// sum is SHA-256, keyed if there is a key.
func (k digestKey) sum(data []byte) []byte {
	if k == nil {
		sum := sha256.Sum256(data)
		return sum[:]
	}
	mac := hmac.New(sha256.New, k)
	mac.Write(data)
	return mac.Sum(nil)
}

// contentHash tells same content from other content under one key. The key and
// practice go in, so that equal notes of two patients have different hashes.
func (k digestKey) contentHash(practice, key string, data []byte) string {
	return hex.EncodeToString(k.sum(append([]byte(practice+"\x00"+key+"\x00"), data...))[:16])
}

// named stands for how the host named a patient other than by the PMS's id.
func (k digestKey) named(d patientData) string {
	who := d.HostID + "\x00" + d.First + "\x00" + d.Last + "\x00" + d.Birth + "\x00" + d.Phone
	if k == nil {
		return who
	}
	return string(k.sum([]byte(who)))
}
