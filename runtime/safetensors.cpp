#include "runtime/safetensors.h"

#include "ir/diagnostic.h"
#include "runtime/bytes.h"
#include "runtime/files.h"
#include "runtime/safetensors_header.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>

namespace nnc {
namespace {

constexpr size_t length_bytes = 8;
constexpr u64 largest_header = 100'000'000; // the format's own limit

struct FormatName {
  DType dtype;
  char const* name;
};
constexpr std::array<FormatName, dtype_count> format_names{{
    {DType::f64, "F64"},
    {DType::f32, "F32"},
    {DType::f16, "F16"},
    {DType::bf16, "BF16"},
    {DType::i64, "I64"},
    {DType::i32, "I32"},
    {DType::i8, "I8"},
    {DType::u8, "U8"},
    {DType::bool_, "BOOL"},
}};

char const* format_name(DType dtype) { return std::ranges::find(format_names, dtype, &FormatName::dtype)->name; }

DType dtype_of(TensorHeader const& tensor, std::string const& file) {
  for (auto const& entry : format_names)
    if (tensor.dtype == entry.name) return entry.dtype;
  throw Error(
      fmt::format("{}: tensor '{}' has the dtype '{}', which nnc does not have", file, tensor.name, tensor.dtype));
}

// The text of the header; what follows it is data.
std::span<u8 const> header_text(std::span<u8 const> bytes, std::string const& file) {
  if (bytes.size() < length_bytes)
    throw Error(fmt::format("{}: expected a safetensors file, found {}", file, byte_count(bytes.size())));
  u64 const length = load_little_u64(bytes.data());
  if (length > largest_header)
    throw Error(fmt::format("{}: expected a safetensors file, found a header length of {} (at most {} is allowed)",
                            file, length, largest_header));
  if (length > bytes.size() - length_bytes)
    throw Error(fmt::format("{}: the header promises {} of header, and only {} follow", file, byte_count(length),
                            byte_count(bytes.size() - length_bytes)));
  return bytes.subspan(length_bytes, static_cast<size_t>(length));
}

// Every byte of the data belongs to exactly one tensor, in the order of the headers (sorted here).
void check_ranges(std::vector<TensorHeader>& tensors, u64 data_size, std::string const& file) {
  std::ranges::stable_sort(tensors, {}, [](TensorHeader const& t) { return std::pair(t.begin, t.end); });
  u64 reached = 0;
  for (auto const& tensor : tensors) {
    if (tensor.begin > tensor.end || tensor.end > data_size)
      throw Error(fmt::format("{}: tensor '{}' takes the bytes {} to {}, and the file has {} of data", file,
                              tensor.name, tensor.begin, tensor.end, byte_count(data_size)));
    if (tensor.begin != reached)
      throw Error(fmt::format("{}: tensor '{}' begins at byte {}, expected {}: the tensors {}", file, tensor.name,
                              tensor.begin, reached, tensor.begin < reached ? "overlap" : "leave a hole"));
    reached = tensor.end;
  }
  if (reached != data_size)
    throw Error(fmt::format("{}: {} of data belong to no tensor", file, byte_count(data_size - reached)));
}

void check_names(std::vector<TensorHeader> const& tensors, std::string const& file) {
  std::set<std::string_view> seen;
  for (auto const& tensor : tensors)
    if (!seen.insert(tensor.name).second) throw Error(fmt::format("{}: tensor '{}' is there twice", file, tensor.name));
}

void check_bools(std::span<u8 const> bytes, std::string const& tensor, std::string const& file) {
  auto const bad = std::ranges::find_if(bytes, [](u8 b) { return b > 1; });
  if (bad != bytes.end()) throw Error(fmt::format("{}: tensor '{}' is BOOL and has the value {}", file, tensor, *bad));
}

HostTensor tensor_of(TensorHeader const& header, std::span<u8 const> data, std::string const& file,
                     std::shared_ptr<void const> owner) {
  auto const dtype = dtype_of(header, file);
  u64 const size = size_or_error(dtype, header.shape, fmt::format("{}: tensor '{}'", file, header.name));
  if (size != header.end - header.begin)
    throw Error(fmt::format("{}: tensor '{}' is {}, which takes {}, and has {}", file, header.name,
                            type_text(dtype, header.shape), byte_count(size), byte_count(header.end - header.begin)));
  auto const bytes = data.subspan(static_cast<size_t>(header.begin), static_cast<size_t>(size));
  if (dtype == DType::bool_) check_bools(bytes, header.name, file);
  return HostTensor::view(dtype, header.shape, bytes, std::move(owner));
}

std::vector<NamedTensor const*> widest_first(std::vector<NamedTensor> const& tensors) {
  std::vector<NamedTensor const*> order;
  for (auto const& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [](NamedTensor const* t) { return bytes(t->tensor.dtype()); });
  return order;
}

SafetensorsHeader header_of(std::vector<NamedTensor const*> const& order,
                            std::map<std::string, std::string> const& metadata) {
  SafetensorsHeader header{.tensors = {}, .metadata = metadata};
  u64 offset = 0;
  for (auto const* named : order) {
    u64 const end = offset + named->tensor.bytes().size();
    header.tensors.push_back({named->name, format_name(named->tensor.dtype()), named->tensor.shape(), offset, end});
    offset = end;
  }
  return header;
}

} // namespace

HostTensor const* Safetensors::find(std::string_view name) const {
  for (auto const& named : tensors)
    if (named.name == name) return &named.tensor;
  return nullptr;
}

Safetensors parse_safetensors(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner) {
  auto const text = header_text(bytes, name);
  auto const data = bytes.subspan(length_bytes + text.size());
  auto header = parse_safetensors_header(text, name);
  check_names(header.tensors, name);
  check_ranges(header.tensors, data.size(), name);
  Safetensors result{.tensors = {}, .metadata = std::move(header.metadata)};
  for (auto const& tensor : header.tensors)
    result.tensors.push_back({tensor.name, tensor_of(tensor, data, name, owner)});
  return result;
}

Safetensors read_safetensors(std::filesystem::path const& path) {
  auto const file = MappedFile::open(path);
  return parse_safetensors(file->bytes(), path.string(), file);
}

std::vector<std::span<u8 const>> SafetensorsPieces::spans() const {
  std::vector<std::span<u8 const>> spans{as_bytes(header)};
  for (auto const& tensor : tensors) spans.push_back(tensor.bytes());
  return spans;
}

SafetensorsPieces safetensors_pieces(Safetensors const& content, std::string const& name) {
  auto const order = widest_first(content.tensors);
  auto const header = header_of(order, content.metadata);
  check_names(header.tensors, name);
  auto const text = safetensors_header_text(header, name);
  SafetensorsPieces pieces;
  pieces.header.assign(length_bytes, '\0');
  pieces.header += text;
  pieces.header.resize((pieces.header.size() + 7) / 8 * 8, ' '); // the data begin at a multiple of 8
  store_little_u64(pieces.header.size() - length_bytes, reinterpret_cast<u8*>(pieces.header.data()));
  for (auto const* named : order) pieces.tensors.push_back(named->tensor);
  return pieces;
}

void write_safetensors(std::filesystem::path const& path, Safetensors const& content) {
  write_atomically(path, safetensors_pieces(content, path.string()).spans());
}

} // namespace nnc
