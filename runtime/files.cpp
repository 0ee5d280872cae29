#include "runtime/files.h"

#include "ir/diagnostic.h"

#include <fmt/core.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

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
  throw Error(fmt::format("{}: cannot {}: {}", path.string(), doing, system_words(error)));
}

class Descriptor {
public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  int number() const { return number_; }
  int close() {
    int const result = number_ >= 0 ? ::close(number_) : 0;
    number_ = -1;
    return result;
  }

private:
  int number_;
};

// A file that vanishes unless it is renamed.
class TemporaryFile {
public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  ~TemporaryFile() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(TemporaryFile const&) = delete;
  TemporaryFile& operator=(TemporaryFile const&) = delete;
  fs::path const& path() const { return path_; }
  bool rename_to(fs::path const& target) { return renamed_ = ::rename(path_.c_str(), target.c_str()) == 0; }

private:
  fs::path path_;
  bool renamed_ = false;
};

// Where the bytes really go: a link is followed, so that it survives.
fs::path resolved_target(fs::path const& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  auto target = fs::canonical(path, error);
  if (error) throw Error(fmt::format("{}: is a symbolic link that leads nowhere", path.string()));
  return target;
}

// Permissions of the file that is there, or nothing; refuses what is no regular file.
std::optional<mode_t> old_mode(fs::path const& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::nullopt;
    fail(path, "look at it", errno);
  }
  if (!S_ISREG(status.st_mode))
    throw Error(fmt::format("{}: is not a regular file, so it is not replaced", path.string()));
  return status.st_mode & 07777;
}

fs::path folder_of(fs::path const& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

fs::path temporary_name(fs::path const& path) {
  static std::atomic<unsigned> count{0};
  return folder_of(path) / fmt::format(".{}.{}.{}.tmp", path.filename().string(), ::getpid(), count++);
}

void write_all(int descriptor, std::span<u8 const> bytes, fs::path const& path) {
  while (!bytes.empty()) {
    auto const written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write", errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

// Some file systems (FUSE, network) cannot sync a folder; the file itself is synced by then.
void sync_folder(fs::path const& folder) {
  Descriptor const descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.number() < 0 || ::fsync(descriptor.number()) == 0 || errno == EINVAL || errno == ENOTSUP) return;
  fail(folder, "sync the folder", errno);
}

} // namespace

std::shared_ptr<MappedFile const> MappedFile::open(fs::path const& path) {
  // O_NONBLOCK: a pipe must not hold us up before it is seen to be one.
  Descriptor const descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.number() < 0) fail(path, "open", errno);
  struct stat status;
  if (::fstat(descriptor.number(), &status) != 0) fail(path, "look at it", errno);
  if (!S_ISREG(status.st_mode)) throw Error(fmt::format("{}: is not a regular file", path.string()));
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

void check_writable(fs::path const& path) {
  auto const target = resolved_target(path);
  old_mode(target);
  if (::access(folder_of(target).c_str(), W_OK | X_OK) != 0) fail(path, "write", errno);
}

void write_atomically(fs::path const& path, std::vector<std::span<u8 const>> const& pieces) {
  auto const target = resolved_target(path);
  auto const mode = old_mode(target);
  auto const name = temporary_name(target);
  Descriptor descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (descriptor.number() < 0) fail(path, "write", errno);
  TemporaryFile temporary(name);
  if (mode && ::fchmod(descriptor.number(), *mode) != 0) fail(path, "keep its permissions", errno);
  for (auto piece : pieces) write_all(descriptor.number(), piece, path);
  if (::fsync(descriptor.number()) != 0) fail(path, "sync", errno);
  if (descriptor.close() != 0) fail(path, "write", errno);
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
