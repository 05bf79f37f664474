// Small blocks: nobody's bytes change while others come and go, and memory goes back.
#include "base/small_blocks.h"

#include <algorithm>
#include <cstdint>

#include "kernels_test.h"

namespace {

struct Block {
  unsigned char* bytes;
  size_t size;
  unsigned char mark;
};

bool intact(const Block& block) {
  for (size_t i = 0; i < block.size; ++i) {
    if (block.bytes[i] != block.mark) return false;
  }
  return true;
}

Block make(size_t size) {
  auto* bytes = static_cast<unsigned char*>(SmallBlocks::allocate(size));
  const Block block{bytes, size, static_cast<unsigned char>(generator())};
  EXPECT(reinterpret_cast<uintptr_t>(bytes) % 64 == 0, "a block of %zu bytes at %p", size,
         static_cast<void*>(bytes));
  std::memset(bytes, block.mark, size);
  return block;
}

void drop(const Block& block) {
  EXPECT(intact(block), "%zu bytes were overwritten", block.size);
  SmallBlocks::deallocate(block.bytes, block.size);
}

// Blocks of all sizes, dropped in any order; enough for several slabs of each size.
void test_random_order() {
  std::vector<Block> blocks;
  for (int round = 0; round < 300'000; ++round) {
    const bool growing = round % 60'000 < 40'000;
    if (blocks.empty() || generator() % 8 < (growing ? 6u : 2u)) {
      blocks.push_back(make(generator() % (SmallBlocks::kLargest + 1)));
    } else {
      std::swap(blocks[generator() % blocks.size()], blocks.back());
      drop(blocks.back());
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) drop(block);
}

size_t resident() {  // bytes
  size_t pages = 0, all = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu %zu", &all, &pages) != 2) pages = 0;
    std::fclose(file);
  }
  return pages * 4096;
}

// 200 MB in blocks, as a long graph leaves them: in the order in which they were made, backwards.
[[maybe_unused]] void test_memory_goes_back() {
  SmallBlocks::give_back();
  const size_t before = resident();
  for (const bool backwards : {false, true}) {
    std::vector<Block> blocks;
    for (int i = 0; i < 450'000; ++i) blocks.push_back(make(448));
    EXPECT(before == 0 || resident() > before + (size_t{190} << 20), "200 MB are not there");
    if (backwards) std::reverse(blocks.begin(), blocks.end());
    for (const Block& block : blocks) drop(block);
    std::vector<Block>().swap(blocks);
    EXPECT(resident() < before + (size_t{90} << 20), "%zu MB stay with slabs that are kept",
           (resident() - before) >> 20);
    SmallBlocks::give_back();
    EXPECT(resident() < before + (size_t{40} << 20), "%zu MB stay", (resident() - before) >> 20);
  }
}

}  // namespace

int main() {
  test_random_order();
#ifndef __SANITIZE_ADDRESS__  // there each block is by itself, and kept back when it is freed
  test_memory_goes_back();
#endif
  return failures == 0 ? 0 : 1;
}
