#include "runtime/data/idx.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/data/gzip.h"
#include "runtime/files.h"
#include "runtime/sha256.h"

#include <fmt/core.h>

#include <array>
#include <cstring>
#include <optional>

namespace nnc {
namespace {

namespace fs = std::filesystem;

// The types that the format names. An i16, which nnc does not have, is widened.
struct ElementType {
  u8 code;
  i64 width; // in the file
  DType dtype;
};
constexpr std::array<ElementType, 6> element_types{{
    {0x08, 1, DType::u8},
    {0x09, 1, DType::i8},
    {0x0B, 2, DType::i32},
    {0x0C, 4, DType::i32},
    {0x0D, 4, DType::f32},
    {0x0E, 8, DType::f64},
}};

constexpr size_t fixed_header = 4;
constexpr size_t largest_header = fixed_header + 4 * 255;

struct Header {
  ElementType type;
  std::vector<i64> shape;
  size_t size; // of the header itself
  u64 data;    // bytes of the elements in the file
  u64 total() const { return size + data; }
};

ElementType element_type(u8 code, std::string const& name) {
  for (auto const& type : element_types)
    if (type.code == code) return type;
  throw Error(fmt::format("{}: unknown IDX element type 0x{:02x}, expected 0x08, 0x09 or 0x0b to 0x0e", name, code));
}

// Multiplies sizes that come from a file; nothing when the product does not fit.
std::optional<u64> size_in_file(std::vector<i64> const& shape, i64 width) {
  auto const elements = bytes_of(shape, DType::u8);
  if (!elements) return std::nullopt;
  return bytes_of({*elements, width}, DType::u8);
}

Header parse_header(std::span<u8 const> bytes, std::string const& name) {
  if (bytes.size() < fixed_header)
    throw Error(fmt::format("{}: expected an IDX file, found {}", name, byte_count(bytes.size())));
  if (bytes[0] != 0 || bytes[1] != 0)
    throw Error(fmt::format("{}: expected an IDX file, which begins with two zero bytes, found 0x{:02x}{:02x}", name,
                            bytes[0], bytes[1]));
  size_t const rank = bytes[3];
  size_t const size = fixed_header + 4 * rank;
  if (rank == 0) throw Error(fmt::format("{}: expected an IDX file with at least one dimension, found none", name));
  if (bytes.size() < size)
    throw Error(fmt::format("{}: the IDX header of rank {} takes {}, and the file ends after {}", name, rank,
                            byte_count(size), byte_count(bytes.size())));
  Header header{element_type(bytes[2], name), {}, size, 0};
  for (size_t i = 0; i < rank; ++i) header.shape.push_back(load_big_u32(bytes.data() + fixed_header + 4 * i));
  auto const data = size_in_file(header.shape, header.type.width);
  if (!data)
    throw Error(fmt::format("{}: the header promises {}, which is too large", name,
                            type_text(header.type.dtype, header.shape)));
  header.data = *data;
  return header;
}

[[noreturn]] void wrong_size(Header const& header, std::string const& name, std::string const& found) {
  throw Error(fmt::format("{}: the header promises {}, {} in all, and the file has {}", name,
                          type_text(header.type.dtype, header.shape), byte_count(header.total()), found));
}

// Elements wider than a byte, in this machine's order.
HostTensor swapped(Header const& header, std::span<u8 const> data) {
  if (header.type.width == bytes(header.type.dtype)) {
    HostTensor result(header.type.dtype, header.shape);
    swap_big_endian(data, header.type.width, result.writable().data());
    return result;
  }
  HostTensor result(DType::i32, header.shape);
  auto target = result.writable_as<i32>();
  for (size_t i = 0; i < target.size(); ++i) target[i] = static_cast<i16>(data[2 * i] << 8 | data[2 * i + 1]);
  return result;
}

// The whole IDX file that a .gz holds. What it may take is known from its own header, so that a small file cannot
// unpack to more than it declares.
std::vector<u8> unpack(fs::path const& path) {
  auto const file = MappedFile::open(path);
  auto const name = path.string();
  Unpacker unpacker(file->bytes(), name, Packing::gzip);
  std::vector<u8> content(largest_header);
  content.resize(unpacker.read(content));
  auto const header = parse_header(content, name);
  size_t const have = content.size();
  if (have > header.total()) wrong_size(header, name, "more");
  // The extents are not to be believed: memory grows with what is really there.
  while (content.size() < header.total()) {
    size_t const before = content.size();
    size_t const step = static_cast<size_t>(std::min<u64>(header.total() - before, std::max<u64>(before, 1 << 20)));
    content.resize(before + step);
    content.resize(before + unpacker.read(std::span(content).subspan(before)));
    if (content.size() < before + step) wrong_size(header, name, byte_count(content.size()));
  }
  u8 more;
  if (unpacker.read({&more, 1}) != 0) wrong_size(header, name, "more");
  return content;
}

// Where the unpacked form of a file lies: the name says which file it was made from, and in which state.
std::optional<fs::path> place_in_cache(fs::path const& packed) {
  std::error_code error;
  auto const folder = cache_folder();
  auto const whole = fs::canonical(packed, error);
  auto const size = fs::file_size(packed, error);
  auto const time = fs::last_write_time(packed, error).time_since_epoch().count();
  if (!folder || whole.empty() || error) return std::nullopt;
  auto const key = sha256(as_bytes(fmt::format("{}\n{}\n{}", whole.string(), size, time))).substr(0, 16);
  return *folder / "unpacked" / fmt::format("{}-{}", packed.stem().string(), key);
}

// What the cache has, or nothing: a file that somebody damaged is made anew.
std::optional<HostTensor> from_cache(fs::path const& place) {
  try {
    auto const file = MappedFile::open(place);
    return parse_idx(file->bytes(), place.string(), file);
  } catch (Error const&) {
    return std::nullopt;
  }
}

// False when the cache cannot be written, which is no error: the data are in memory.
bool put_into_cache(fs::path const& place, std::vector<u8> const& content) {
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  try {
    write_atomically(place, {content});
    return true;
  } catch (Error const&) {
    return false;
  }
}

HostTensor read_packed(fs::path const& path) {
  auto const place = place_in_cache(path);
  if (place)
    if (auto tensor = from_cache(*place)) return *tensor;
  auto content = std::make_shared<std::vector<u8>>(unpack(path));
  if (place && put_into_cache(*place, *content))
    if (auto tensor = from_cache(*place)) return *tensor;
  return parse_idx(*content, path.string(), content);
}

} // namespace

HostTensor parse_idx(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner,
                     size_t* used) {
  auto const header = parse_header(bytes, name);
  if (bytes.size() < header.total() || (!used && bytes.size() > header.total()))
    wrong_size(header, name, byte_count(bytes.size()));
  if (used) *used = static_cast<size_t>(header.total());
  auto const data = bytes.subspan(header.size, static_cast<size_t>(header.data));
  if (header.type.width > 1) return swapped(header, data);
  return HostTensor::view(header.type.dtype, header.shape, data, std::move(owner));
}

HostTensor read_idx(fs::path const& path) {
  if (path.extension() == ".gz") return read_packed(path);
  auto const file = MappedFile::open(path);
  return parse_idx(file->bytes(), path.string(), file);
}

} // namespace nnc
