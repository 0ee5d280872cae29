// Files: mapped for reading, and replaced so that either the old or the new content is there, whatever happens.
// Errors name the file and what the system said.
#pragma once

#include "ir/basic.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace nnc {

// The bytes of a regular file. The file must not shrink while it is mapped; what nnc writes itself never does, because
// it is replaced as a whole.
class MappedFile {
public:
  static std::shared_ptr<MappedFile const> open(std::filesystem::path const&);
  ~MappedFile();
  MappedFile(MappedFile const&) = delete;
  MappedFile& operator=(MappedFile const&) = delete;
  std::span<u8 const> bytes() const { return {data_, size_}; }

private:
  MappedFile() = default;
  u8 const* data_ = nullptr;
  size_t size_ = 0;
};

// Replaces the file by these pieces, one after the other: a temporary file in the same folder, synced, renamed, and the
// folder synced. Refuses a target that exists and is not a regular file (a symbolic link to one is followed). On an
// error the old file is untouched, and the temporary one is gone. Temporary files of processes that were killed are
// removed from the folder first.
void write_atomically(std::filesystem::path const&, std::vector<std::span<u8 const>> const& pieces);

// A file that is being made: zeros of a fixed size, mapped to be written. It has its name only from keep() on, and is
// removed without it, however the process ends. The disk has room for all of it, so that writing it cannot fail.
class MappedDraft {
public:
  static std::shared_ptr<MappedDraft> make(std::filesystem::path const& target, u64 size);
  ~MappedDraft();
  MappedDraft(MappedDraft const&) = delete;
  MappedDraft& operator=(MappedDraft const&) = delete;
  std::span<u8> bytes() { return {data_, size_}; }
  bool keep(); // false: the system refused

private:
  MappedDraft();
  struct File;
  std::unique_ptr<File> file_;
  u8* data_ = nullptr;
  size_t size_ = 0;
};

// Throws what write_atomically would throw for this target before it writes: so that a long training does not end with
// "is not a regular file". A temporary file is made and removed, since permissions alone do not tell.
void check_writable(std::filesystem::path const&);

// $XDG_CACHE_HOME/nnc, else ~/.cache/nnc; nothing when neither variable is set.
std::optional<std::filesystem::path> cache_folder();

} // namespace nnc
