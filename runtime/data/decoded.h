// Columns that were decoded from files of another form: kept in the user's cache when they are large, and mapped from
// there, so that data larger than memory can be decoded, and are decoded once.
#pragma once

#include "runtime/safetensors.h"

#include <filesystem>
#include <functional>
#include <map>

namespace nnc {

struct ColumnPlan {
  std::string name;
  DType dtype = DType::f32;
  std::vector<i64> shape; // examples first
};

class Decoded {
public:
  // `sources`: the files that are decoded; with their sizes and times and `how` (the reader and all options that it
  // obeys) they are the key of the cache.
  Decoded(std::vector<std::filesystem::path> const& sources, std::string const& how);
  ~Decoded();
  Decoded(Decoded const&) = delete;
  Decoded& operator=(Decoded const&) = delete;

  // What was kept of the same files in the same state, mapped; nothing where nothing was, or where it is damaged.
  std::optional<Safetensors> find() const;

  // Zeros to be filled. More than `small` bytes in all are pages of a file in the cache (of memory, where there is no
  // room for one). The writable tensors are the ones that the reader gives away.
  std::vector<NamedTensor> make(std::vector<ColumnPlan> const&, std::map<std::string, std::string> metadata = {});

  // The columns are filled: from now on find() gives them. Small ones are not kept.
  void keep();

  static constexpr u64 small = 16 << 20;

private:
  struct File;
  std::optional<std::filesystem::path> place_;
  std::unique_ptr<File> file_;
};

// A writable tensor of zeros: memory, or pages of a file without a name in the cache's folder where it is large.
HostTensor room_for(DType, std::vector<i64> shape);

} // namespace nnc
