// Arrays as NumPy's np.save and np.savez write them. NumPy has no bf16: such an output is written as f32, which holds
// the same numbers.
#include "tools/nnc/results/elements.h"
#include "tools/nnc/results/writers.h"

#include <cstring>
#include <fmt/core.h>
#include <utility>
#include <zlib.h>

namespace command {
namespace {

template <class T>
void append(std::string& text, T number) { // little-endian, as both formats have it
  for (std::size_t i = 0; i < sizeof number; ++i)
    text += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i) & 255);
}

char const* descr(std::string const& dtype) {
  constexpr std::pair<char const*, char const*> known[] = {{"f64", "<f8"}, {"f32", "<f4"},  {"f16", "<f2"},
                                                           {"i64", "<i8"}, {"i32", "<i4"},  {"i8", "|i1"},
                                                           {"u8", "|u1"},  {"bool", "|b1"}, {"bf16", "<f4"}};
  for (auto const& [name, of_numpy] : known)
    if (dtype == name) return of_numpy;
  throw nnc::Failure(nnc::Code::argument, fmt::format("error: NumPy has no type for {}", dtype));
}

std::string bytes_of(nnc::Array const& array) {
  if (array.dtype != "bf16") return {reinterpret_cast<char const*>(array.bytes.data()), array.bytes.size()};
  std::string bytes; // a bf16 is the upper half of a float
  for (auto const x : array.as<nnc::bf16>()) append(bytes, static_cast<std::uint32_t>(x.bits) << 16);
  return bytes;
}

// The magic, version 1.0, the length of the header, the header, padded so that the elements are aligned to 64 bytes.
std::string npy_of(nnc::Array const& array) {
  std::string shape;
  for (auto const extent : array.shape) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", extent);
  if (array.shape.size() == 1) shape += ",";
  auto header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr(array.dtype), shape);
  std::string file("\x93NUMPY\x01\x00", 8);
  auto const whole = (file.size() + 2 + header.size() + 1 + 63) / 64 * 64;
  header.resize(whole - file.size() - 3, ' ');
  header += '\n';
  append(file, static_cast<std::uint16_t>(header.size()));
  return file + header + bytes_of(array);
}

// A ZIP archive whose members are stored as they are, with the sizes of ZIP64 throughout, so that none is too large.
class Archive {
public:
  void add(std::string const& name, std::string const& content) {
    auto const start = file_.size();
    auto const checksum = ::crc32_z(0, reinterpret_cast<Bytef const*>(content.data()), content.size());
    auto const same = [&](std::string& out) { // in both headers
      append(out, std::uint16_t{0x0800});     // names are UTF-8
      append(out, std::uint16_t{0});          // stored
      append(out, std::uint16_t{0});          // midnight
      append(out, std::uint16_t{0x21});       // of the first day of 1980: the same outputs give the same file
      append(out, static_cast<std::uint32_t>(checksum));
      append(out, ~std::uint32_t{0}); // the sizes are in the extra field
      append(out, ~std::uint32_t{0});
      append(out, static_cast<std::uint16_t>(name.size()));
    };
    append(file_, std::uint32_t{0x04034b50});
    append(file_, version);
    same(file_);
    append(file_, std::uint16_t{20});
    file_ += name;
    sizes(file_, 16, content.size());
    file_ += content;
    append(directory_, std::uint32_t{0x02014b50});
    append(directory_, version);
    append(directory_, version);
    same(directory_);
    append(directory_, std::uint16_t{28});
    directory_.append(10, '\0'); // comment, disk, attributes
    append(directory_, ~std::uint32_t{0});
    directory_ += name;
    sizes(directory_, 24, content.size());
    append(directory_, static_cast<std::uint64_t>(start));
    ++members_;
  }

  std::string finished() {
    auto const start = static_cast<std::uint64_t>(file_.size());
    auto const end = start + directory_.size();
    file_ += directory_;
    append(file_, std::uint32_t{0x06064b50});
    append(file_, std::uint64_t{44}); // of what follows in this record
    append(file_, version);
    append(file_, version);
    append(file_, std::uint64_t{0}); // disks
    append(file_, members_);
    append(file_, members_);
    append(file_, static_cast<std::uint64_t>(directory_.size()));
    append(file_, start);
    append(file_, std::uint32_t{0x07064b50});
    append(file_, std::uint32_t{0});
    append(file_, end);
    append(file_, std::uint32_t{1});
    append(file_, std::uint32_t{0x06054b50});
    append(file_, std::uint32_t{0});
    append(file_, static_cast<std::uint16_t>(members_));
    append(file_, static_cast<std::uint16_t>(members_));
    append(file_, ~std::uint32_t{0}); // size and start of the directory are in the record above
    append(file_, ~std::uint32_t{0});
    append(file_, std::uint16_t{0});
    return std::move(file_);
  }

private:
  static constexpr std::uint16_t version = 45; // the first with ZIP64
  static void sizes(std::string& out, std::uint16_t length, std::size_t size) {
    append(out, std::uint16_t{1});
    append(out, length);
    append(out, static_cast<std::uint64_t>(size));
    append(out, static_cast<std::uint64_t>(size));
  }
  std::string file_, directory_;
  std::uint64_t members_ = 0;
};

} // namespace

std::string npy(Outputs const& outputs) { return npy_of(outputs.arrays.at(0)); }

Writer::Refusal npy_refuses(Forms const& forms) {
  if (forms.size() < 2) return {};
  std::string names;
  for (auto const& form : forms) names += (names.empty() ? "'" : "', '") + nnc::printable(form.name);
  return {fmt::format("such a file holds one array, and there are {} outputs: {}'", forms.size(), names),
          "*.npz holds them all, by their names"};
}

std::string npz(Outputs const& outputs) {
  Archive archive;
  for (auto const& array : outputs.arrays) archive.add(array.name + ".npy", npy_of(array));
  return archive.finished();
}

} // namespace command
