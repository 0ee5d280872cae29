#include "runtime/files.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nnc {
namespace {

namespace fs = std::filesystem;

// "no space left on device": the system's words begin like the rest of our messages.
std::string system_words(int error) {
  auto words = std::generic_category().message(error);
  if (words.size() > 1 && words[0] >= 'A' && words[0] <= 'Z' && words[1] >= 'a' && words[1] <= 'z')
    words[0] += 'a' - 'A';
  return words;
}

[[noreturn]] void fail(fs::path const& path, std::string const& doing, int error) {
  throw Error(Code::file, fmt::format("{}: cannot {}: {}", path.string(), doing, system_words(error)));
}

class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  int number() const { return number_; }
  void swap(Descriptor& other) { std::swap(number_, other.number_); }

private:
  int number_;
};

// Where the bytes really go: a link is followed, so that it survives.
fs::path resolved_target(fs::path const& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  auto target = fs::canonical(path, error);
  if (error) throw Error(Code::file, fmt::format("{}: is a symbolic link that leads nowhere", path.string()));
  return target;
}

// Permissions of the file that is there, or nothing; refuses what is no regular file.
std::optional<mode_t> old_mode(fs::path const& path) {
  if (path.empty()) throw Error(Code::file, "a file without a name cannot be written");
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    fail(path, "look at it", errno);
  }
  if (!S_ISREG(status.st_mode))
    throw Error(Code::file, fmt::format("{}: is not a regular file, so it is not replaced", path.string()));
  return status.st_mode & 07777;
}

fs::path folder_of(fs::path const& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// ".NAME.nnc-PID-COUNT.tmp" beside the target; a long name is cut, since names have at most 255 bytes.
fs::path temporary_name(fs::path const& target) {
  static std::atomic<unsigned> count{0};
  auto const name = target.filename().string().substr(0, 200);
  return folder_of(target) / fmt::format(".{}.nnc-{}-{}.tmp", name, ::getpid(), count++);
}

bool is_temporary_name(std::string_view name) {
  constexpr std::string_view mark = ".nnc-", end = ".tmp";
  auto const at = name.rfind(mark);
  if (!name.starts_with('.') || !name.ends_with(end) || at == std::string_view::npos || at == 0) return false;
  auto const numbers = name.substr(at + mark.size(), name.size() - end.size() - at - mark.size());
  auto const dash = numbers.find('-');
  return dash != std::string_view::npos && dash > 0 && dash + 1 < numbers.size() &&
         numbers.find_first_not_of("0123456789-") == std::string_view::npos;
}

int open_file(fs::path const& path, int flags, mode_t mode = 0) {
  int descriptor;
  do descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

// A process holds a lock on each of its temporary files; the system lets go of it however the process ends. (A number
// of a process says less: other containers count from 1 as well.)
void remove_if_abandoned(fs::path const& path) {
  Descriptor const descriptor(open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat status;
  if (descriptor.number() < 0 || ::fstat(descriptor.number(), &status) != 0) return;
  if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid()) return;
  if (::flock(descriptor.number(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
}

void remove_abandoned(fs::path const& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_temporary_name(at->path().filename().string())) found.push_back(at->path());
  for (auto const& path : found) remove_if_abandoned(path);
}

// A new, locked file beside the target that vanishes unless it is renamed. It stays locked until then: an unlocked one
// is removed by whoever saves beside it.
class TemporaryFile {
public:
  TemporaryFile(fs::path const& target, fs::path const& shown) {
    while (descriptor_.number() < 0) make(target, shown);
  }
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(TemporaryFile const&) = delete;
  TemporaryFile& operator=(TemporaryFile const&) = delete;
  int descriptor() const { return descriptor_.number(); }
  bool rename_to(fs::path const& target) { return renamed_ = ::rename(path_.c_str(), target.c_str()) == 0; }

private:
  // Another process may lock and remove the file before it is locked here: then it has no name any more. Where a file
  // system knows no locks, nobody can remove it either.
  void make(fs::path const& target, fs::path const& shown) {
    path_ = temporary_name(target);
    Descriptor made(open_file(path_, O_RDWR | O_CREAT | O_EXCL, 0666));
    if (made.number() < 0 && errno == EEXIST) return; // left by a killed process of the same number, and not removable
    if (made.number() < 0) fail(shown, "write", errno);
    while (::flock(made.number(), LOCK_EX) != 0 && errno == EINTR) {
    }
    if (::access(path_.c_str(), F_OK) == 0 || errno != ENOENT) descriptor_.swap(made);
  }

  fs::path path_;
  Descriptor descriptor_{-1};
  bool renamed_ = false;
};

void write_all(int descriptor, std::span<u8 const> bytes, fs::path const& path) {
  while (!bytes.empty()) {
    auto const written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write", errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

bool sync(int descriptor) {
  int result;
  do result = ::fsync(descriptor);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

// Some file systems (FUSE, network) cannot sync a folder; the file itself is synced by then.
void sync_folder(fs::path const& folder) {
  Descriptor const descriptor(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (descriptor.number() < 0 || sync(descriptor.number()) || errno == EINVAL || errno == ENOTSUP) return;
  fail(folder, "sync the folder", errno);
}

} // namespace

std::shared_ptr<MappedFile const> MappedFile::open(fs::path const& path) {
  // O_NONBLOCK: a pipe must not hold us up before it is seen to be one.
  Descriptor const descriptor(open_file(path, O_RDONLY | O_NONBLOCK));
  if (descriptor.number() < 0) fail(path, "open", errno);
  struct stat status;
  if (::fstat(descriptor.number(), &status) != 0) fail(path, "look at it", errno);
  if (!S_ISREG(status.st_mode)) throw Error(Code::file, fmt::format("{}: is not a regular file", path.string()));
  std::shared_ptr<MappedFile> file(new MappedFile);
  if (status.st_size == 0) return file;
  auto* data = ::mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor.number(), 0);
  if (data == MAP_FAILED) fail(path, "map", errno);
  file->data_ = static_cast<u8 const*>(data);
  file->size_ = static_cast<size_t>(status.st_size);
  return file;
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<u8*>(data_), size_);
}

struct MappedDraft::File {
  explicit File(fs::path const& target) : target(target), temporary(target, target) {}
  fs::path target;
  TemporaryFile temporary;
};

MappedDraft::MappedDraft() = default;

std::shared_ptr<MappedDraft> MappedDraft::make(fs::path const& target, u64 size) {
  remove_abandoned(folder_of(target));
  std::shared_ptr<MappedDraft> draft(new MappedDraft);
  draft->file_ = std::make_unique<File>(target);
  int const descriptor = draft->file_->temporary.descriptor();
  // A page of a file with holes for which the disk has no room is a signal, not an error.
  if (int const error = ::posix_fallocate(descriptor, 0, static_cast<off_t>(size))) fail(target, "make room for it", error);
  auto* data = ::mmap(nullptr, static_cast<size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) fail(target, "map", errno);
  draft->data_ = static_cast<u8*>(data);
  draft->size_ = static_cast<size_t>(size);
  return draft;
}

MappedDraft::~MappedDraft() {
  if (data_) ::munmap(data_, size_);
}

bool MappedDraft::keep() { return file_->temporary.rename_to(file_->target); }

void check_writable(fs::path const& path) {
  auto const target = resolved_target(path);
  old_mode(target);
  remove_abandoned(folder_of(target));
  TemporaryFile const trial(target, path);
}

void write_atomically(fs::path const& path, std::vector<std::span<u8 const>> const& pieces) {
  auto const target = resolved_target(path);
  auto const mode = old_mode(target);
  remove_abandoned(folder_of(target));
  TemporaryFile temporary(target, path);
  if (mode && ::fchmod(temporary.descriptor(), *mode) != 0) fail(path, "keep its permissions", errno);
  for (auto piece : pieces) write_all(temporary.descriptor(), piece, path);
  if (!sync(temporary.descriptor())) fail(path, "sync", errno);
  if (!temporary.rename_to(target)) fail(path, "rename the new file to it", errno);
  sync_folder(folder_of(target));
}

std::optional<fs::path> cache_folder() {
  // The standard (XDG base directories) says that a relative path there is to be ignored.
  if (auto const* cache = std::getenv("XDG_CACHE_HOME"); cache && cache[0] == '/') return fs::path(cache) / "nnc";
  if (auto const* home = std::getenv("HOME"); home && home[0] != '\0') return fs::path(home) / ".cache" / "nnc";
  return std::nullopt;
}

} // namespace nnc
