// Memory that others (an array of NumPy, DLPack) can write to without raising the version: what it
// held when it was shared, for values that were saved before.
#pragma once
#include "tensor/storage.h"

namespace wengert {

uint64_t checksum_of(const char* bytes, size_t count);

void note_shared(Storage& storage);    // after storage.shared was raised
void forget_shared(Storage& storage);  // once it is 0
// Did its bytes change since note_shared? False where they were not noted.
bool changed_since_shared(const Storage& storage);

}  // namespace wengert
