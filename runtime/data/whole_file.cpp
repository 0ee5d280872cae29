#include "runtime/data/whole_file.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/data/gzip.h"
#include "runtime/files.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace nnc {

std::shared_ptr<WholeFile const> WholeFile::open(std::filesystem::path const& path) {
  auto const file = MappedFile::open(path);
  auto whole = std::make_shared<WholeFile>();
  if (path.extension() != ".gz") {
    whole->bytes_ = file->bytes();
    whole->owner_ = file;
    return whole;
  }
  auto const content = std::make_shared<std::vector<u8>>();
  Unpacker unpacker(file->bytes(), path.string(), Packing::gzip);
  for (size_t step = 1 << 20;; step = std::max(step, content->size())) {
    auto const before = content->size();
    content->resize(before + step);
    auto const got = unpacker.read(std::span(*content).subspan(before));
    content->resize(before + got);
    if (got < step) break;
    if (content->size() > largest_unpacked)
      throw Error(Diagnostic{.message = fmt::format("{}: unpacks to more than {}", path.string(),
                                                    byte_count(largest_unpacked)),
                             .help = "unpacked by gunzip it is mapped, however large"});
  }
  whole->bytes_ = *content;
  whole->owner_ = content;
  return whole;
}

} // namespace nnc
