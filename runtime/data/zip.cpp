// APPNOTE.TXT of PKWARE, 4.3 and 4.5.3: the directory at the end of the file says where the entries are.
#include "runtime/data/zip.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/bytes.h"
#include "runtime/data/gzip.h"

#include <fmt/core.h>

#include <algorithm>
#include <zlib.h>

namespace nnc {
namespace {

constexpr u32 entry_mark = 0x04034b50, directory_mark = 0x02014b50, end_mark = 0x06054b50, end64_mark = 0x06064b50,
              locator64_mark = 0x07064b50;
constexpr u64 end_size = 22, locator64_size = 20, end64_size = 56, directory_size = 46, entry_size = 30;
constexpr u64 largest_ratio = 1032; // of deflate: more cannot come out of a byte

class Archive {
public:
  Archive(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner)
      : bytes_(bytes), name_(name), owner_(std::move(owner)) {}
  std::vector<ZipEntry> read();

private:
  [[noreturn]] void fail(std::string const& what) const { throw Error(fmt::format("{}: {}", name_, what)); }
  [[noreturn]] void damaged() const { fail("the ZIP archive is damaged or truncated"); }
  u64 number(u64 at, u64 width) const {
    if (at > bytes_.size() || bytes_.size() - at < width) damaged();
    u64 value = 0;
    for (u64 i = width; i-- > 0;) value = value << 8 | bytes_[static_cast<size_t>(at + i)];
    return value;
  }
  u64 find_end() const;
  std::span<u8 const> part(u64 at, u64 size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) damaged();
    return bytes_.subspan(static_cast<size_t>(at), static_cast<size_t>(size));
  }
  ZipEntry entry(u64& at);

  std::span<u8 const> bytes_;
  std::string const& name_;
  std::shared_ptr<void const> owner_;
  u64 unpacked_ = 0;
};

// Behind it there may be a comment of at most 65,535 bytes.
u64 Archive::find_end() const {
  if (bytes_.size() < end_size) damaged();
  u64 const last = bytes_.size() - end_size, first = last > 0xFFFF ? last - 0xFFFF : 0;
  for (u64 at = last + 1; at-- > first;)
    if (number(at, 4) == end_mark && at + end_size + number(at + 20, 2) == bytes_.size()) return at;
  damaged();
}

ZipEntry Archive::entry(u64& at) {
  if (number(at, 4) != directory_mark) damaged();
  u64 const flags = number(at + 8, 2), method = number(at + 10, 2), crc = number(at + 16, 4);
  u64 packed = number(at + 20, 4), size = number(at + 24, 4), offset = number(at + 42, 4);
  u64 const name_length = number(at + 28, 2), extra_length = number(at + 30, 2), comment = number(at + 32, 2);
  auto const name = part(at + directory_size, name_length);
  // Sizes that do not fit stand in an extra field, in this order.
  u64 extra = at + directory_size + name_length;
  u64 const extra_end = extra + extra_length;
  while (extra + 4 <= extra_end) {
    u64 const id = number(extra, 2), length = number(extra + 2, 2);
    u64 field = extra + 4;
    if (id == 1)
      for (auto* value : {&size, &packed, &offset})
        if (*value == 0xFFFFFFFF) *value = number(field, 8), field += 8;
    extra += 4 + length;
  }
  at = extra_end + comment;
  ZipEntry entry{.name = std::string(reinterpret_cast<char const*>(name.data()), name.size()), .bytes = {}, .owner = owner_};
  if (flags & 1) fail(fmt::format("'{}' is encrypted", printable(entry.name)));
  if (number(offset, 4) != entry_mark) damaged();
  auto const content = part(offset + entry_size + number(offset + 26, 2) + number(offset + 28, 2), packed);
  if (method == 0) {
    if (packed != size) damaged();
    entry.bytes = content;
  } else if (method == 8) {
    // Entries may not share their bytes to unpack to more than the file could.
    unpacked_ += size;
    if (size / largest_ratio > packed + 1 || unpacked_ / largest_ratio > bytes_.size()) damaged();
    auto const unpacked = std::make_shared<std::vector<u8>>(static_cast<size_t>(size) + 1);
    Unpacker unpacker(content, name_, Packing::raw);
    if (unpacker.read(*unpacked) != size) damaged();
    entry.bytes = std::span(*unpacked).first(static_cast<size_t>(size));
    entry.owner = unpacked;
  } else {
    fail(fmt::format("'{}' is packed by method {}, expected 0 (stored) or 8 (deflate)", printable(entry.name), method));
  }
  if (crc32_z(crc32_z(0, nullptr, 0), entry.bytes.data(), entry.bytes.size()) != crc)
    fail(fmt::format("the checksum of '{}' is wrong", printable(entry.name)));
  return entry;
}

std::vector<ZipEntry> Archive::read() {
  u64 const end = find_end();
  u64 count = number(end + 10, 2), at = number(end + 16, 4);
  if (end >= locator64_size && number(end - locator64_size, 4) == locator64_mark) {
    u64 const end64 = number(end - locator64_size + 8, 8);
    part(end64, end64_size);
    if (number(end64, 4) != end64_mark) damaged();
    count = number(end64 + 32, 8);
    at = number(end64 + 48, 8);
  }
  if (count > bytes_.size() / directory_size) damaged();
  std::vector<ZipEntry> entries;
  for (u64 i = 0; i < count; ++i) {
    auto found = entry(at);
    if (std::ranges::find(entries, found.name, &ZipEntry::name) != entries.end())
      fail(fmt::format("two entries are called '{}'", printable(found.name)));
    entries.push_back(std::move(found));
  }
  return entries;
}

} // namespace

std::vector<ZipEntry> read_zip(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner) {
  return Archive(bytes, name, std::move(owner)).read();
}

} // namespace nnc
