#include "runtime/data/npy.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/bytes.h"
#include "runtime/data/decoded.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace nnc {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

// A type of numpy, and what it becomes.
struct Element {
  char kind;
  i64 width;
  DType dtype;
};
constexpr std::array<Element, 12> elements{{
    {'b', 1, DType::bool_},
    {'i', 1, DType::i8},
    {'u', 1, DType::u8},
    {'i', 2, DType::i32},
    {'u', 2, DType::i32},
    {'i', 4, DType::i32},
    {'u', 4, DType::i64},
    {'i', 8, DType::i64},
    {'u', 8, DType::i64},
    {'f', 2, DType::f16},
    {'f', 4, DType::f32},
    {'f', 8, DType::f64},
}};

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<i64> shape;
  size_t size = 0; // of the header itself
};

// The header is a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
public:
  HeaderParser(std::string_view text, std::string const& name) : text_(text), name_(name) {}
  Header parse();

private:
  [[noreturn]] void fail(std::string const& expected) const {
    throw Error(fmt::format("{}: the NPY header is damaged: expected {} at byte {}, found '{}'", name_, expected, at_,
                            printable(text_.substr(at_, 16))));
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}'", c));
  }
  bool take_word(std::string_view word) {
    blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string string() {
    blanks();
    char const quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') fail("a string");
    auto const end = text_.find(quote, ++at_);
    if (end == std::string_view::npos) fail("the end of a string");
    auto const value = text_.substr(at_, end - at_);
    at_ = end + 1;
    return std::string(value);
  }
  std::vector<i64> shape() {
    std::vector<i64> extents;
    expect('(');
    while (!take(')')) {
      blanks();
      i64 extent = 0;
      auto const [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc{} || extent < 0) fail("an extent");
      at_ = static_cast<size_t>(end - text_.data());
      take_word("L"); // of Python 2
      extents.push_back(extent);
      if (extents.size() > 32) fail("at most 32 extents");
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return extents;
  }

  std::string_view text_;
  std::string const& name_;
  size_t at_ = 0;
};

Header HeaderParser::parse() {
  Header header;
  bool has_descr = false, has_order = false, has_shape = false;
  expect('{');
  while (!take('}')) {
    auto const key = string();
    expect(':');
    if (key == "descr") {
      if (take('['))
        throw Error(Diagnostic{.message = fmt::format("{}: an array of records, expected one of numbers", name_),
                               .help = "save each field as an array of its own, numpy.savez(FILE, a=x['a'], b=x['b'])"});
      header.descr = string();
      has_descr = true;
    } else if (key == "fortran_order") {
      header.fortran = take_word("True");
      if (!header.fortran && !take_word("False")) fail("True or False");
      has_order = true;
    } else if (key == "shape") {
      header.shape = shape();
      has_shape = true;
    } else {
      fail("'descr', 'fortran_order' or 'shape'");
    }
    if (!take(',')) {
      expect('}');
      break;
    }
  }
  if (!has_descr || !has_order || !has_shape) fail("'descr', 'fortran_order' and 'shape'");
  return header;
}

Header header_of(std::span<u8 const> bytes, std::string const& name) {
  std::string_view const text(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  if (!text.starts_with(magic))
    throw Error(fmt::format("{}: expected an NPY file, which begins with \\x93NUMPY, found '{}'", name,
                            printable(text.substr(0, magic.size()))));
  if (bytes.size() < 10) throw Error(fmt::format("{}: the NPY header is damaged: the file ends within it", name));
  int const version = bytes[6];
  if (version < 1 || version > 3) throw Error(fmt::format("{}: an NPY file of version {}, expected 1 to 3", name, version));
  size_t const fixed = version == 1 ? 10 : 12;
  if (bytes.size() < fixed) throw Error(fmt::format("{}: the NPY header is damaged: the file ends within it", name));
  u64 length = bytes[8] | bytes[9] << 8;
  if (version > 1) length |= u64{bytes[10]} << 16 | u64{bytes[11]} << 24;
  if (length > bytes.size() - fixed)
    throw Error(fmt::format("{}: the NPY header is damaged: it takes {}, and the file ends after {}", name,
                            byte_count(fixed + length), byte_count(bytes.size())));
  auto header = HeaderParser(text.substr(fixed, static_cast<size_t>(length)), name).parse();
  header.size = fixed + static_cast<size_t>(length);
  return header;
}

// The place in row-major order of each element that comes in column-major order, one after the other.
class FortranOrder {
public:
  explicit FortranOrder(std::vector<i64> const& shape) : shape_(shape), index_(shape.size()), strides_(shape.size(), 1) {
    for (size_t axis = shape.size(); axis-- > 1;) strides_[axis - 1] = strides_[axis] * shape[axis];
  }
  size_t next() {
    auto const here = at_;
    for (size_t axis = 0; axis < shape_.size(); ++axis) {
      at_ += strides_[axis];
      if (++index_[axis] < shape_[axis]) break;
      at_ -= strides_[axis] * shape_[axis];
      index_[axis] = 0;
    }
    return static_cast<size_t>(here);
  }

private:
  std::vector<i64> const& shape_;
  std::vector<i64> index_, strides_;
  i64 at_ = 0;
};

// Calls put(place, element) for every element, whose bytes are in this machine's order.
template <class Put>
void for_each_element(Header const& header, std::span<u8 const> data, i64 width, i64 unit, bool is_big, Put&& put) {
  FortranOrder order(header.shape);
  auto const count = data.size() / static_cast<size_t>(width);
  u8 buffer[16];
  for (size_t i = 0; i < count; ++i) {
    auto const* element = data.data() + i * static_cast<size_t>(width);
    if (is_big && unit > 1 && width <= 16) {
      std::reverse_copy(element, element + width, buffer);
      element = buffer;
    }
    put(header.fortran ? order.next() : i, element);
  }
}

template <class T>
T element_as(u8 const* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

HostTensor converted(Header const& header, Element const& type, std::span<u8 const> data, bool is_big,
                     std::string const& name) {
  auto tensor = room_for(type.dtype, header.shape);
  auto const own = static_cast<i64>(bytes(type.dtype));
  auto* target = tensor.writable().data();
  for_each_element(header, data, type.width, type.width, is_big, [&](size_t place, u8 const* element) {
    auto* to = target + place * static_cast<size_t>(own);
    if (own == type.width && !(type.kind == 'u' && type.width == 8)) {
      std::memcpy(to, element, static_cast<size_t>(own));
    } else if (type.width == 2) {
      i32 const value = type.kind == 'i' ? element_as<i16>(element) : element_as<u16>(element);
      std::memcpy(to, &value, sizeof value);
    } else if (type.width == 4) {
      i64 const value = element_as<u32>(element);
      std::memcpy(to, &value, sizeof value);
    } else {
      auto const value = element_as<u64>(element);
      if (value > static_cast<u64>(std::numeric_limits<i64>::max()))
        throw Error(fmt::format("{}: element {} is {}, which is too large for an i64", name, place, value));
      std::memcpy(to, &value, sizeof value);
    }
  });
  return tensor;
}

// UTF-8 of a code point; what is none becomes the replacement character.
void append_utf8(std::string& text, u32 c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = 0xFFFD;
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
    text += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 63));
    text += static_cast<char>(0x80 | (c & 63));
  } else {
    text += static_cast<char>(0xF0 | c >> 18);
    text += static_cast<char>(0x80 | (c >> 12 & 63));
    text += static_cast<char>(0x80 | (c >> 6 & 63));
    text += static_cast<char>(0x80 | (c & 63));
  }
}

std::string text_at(u8 const* element, i64 width, bool is_unicode, bool is_big) {
  std::string text;
  for (i64 i = 0; i < width; i += is_unicode ? 4 : 1) {
    u32 c = element[i];
    if (is_unicode) {
      std::memcpy(&c, element + i, 4);
      if (is_big) c = __builtin_bswap32(c);
    }
    if (is_unicode) append_utf8(text, c);
    else text += static_cast<char>(c);
  }
  while (!text.empty() && text.back() == '\0') text.pop_back();
  return text;
}

// Fixed-width texts: 'U' of 4 bytes a character, 'S' of one.
NpyArray categories_of(Header const& header, std::span<u8 const> data, i64 width, bool is_unicode, bool is_big,
                       std::string const& name, Encoding const* known) {
  NpyArray array{.tensor = room_for(DType::i32, header.shape), .encoding = {.kind = Encoding::Kind::categories}};
  Numbering names = known ? Numbering(known->names) : Numbering();
  auto target = array.tensor.writable_as<i32>();
  for_each_element(header, data, width, 1, false, [&](size_t place, u8 const* element) {
    auto const text = text_at(element, width, is_unicode, is_big);
    auto const number = known ? names.find(text) : std::optional(names.number_of(text));
    if (!number)
      throw Error(fmt::format("{}: element {}: {}", name, place, unknown_category(text, "the array", known->names)));
    target[place] = *number;
  });
  if (!known) {
    auto const places = names.sort();
    for (auto& number : target) number = places[static_cast<size_t>(number)];
  }
  array.encoding.names = names.names();
  return array;
}

[[noreturn]] void unknown_type(Header const& header, std::string const& name) {
  Diagnostic problem{.message = fmt::format("{}: elements of numpy's type '{}', expected numbers, bools or texts", name,
                                            printable(header.descr))};
  if (header.descr.find('O') != std::string::npos) {
    problem.message = fmt::format("{}: an array of Python objects, which only Python can read", name);
    problem.help = "numpy.array(x, dtype=...) of numbers before it is saved";
  }
  throw Error(std::move(problem));
}

} // namespace

NpyArray parse_npy(std::span<u8 const> bytes, std::string const& name, std::shared_ptr<void const> owner,
                   Encoding const* known) {
  auto const header = header_of(bytes, name);
  if (header.shape.empty())
    throw Error(fmt::format("{}: a single number, expected an array whose first axis is the examples", name));
  auto const& descr = header.descr;
  i64 width = 0;
  auto const* digits = descr.data() + std::min<size_t>(2, descr.size());
  auto const [end, error] = std::from_chars(digits, descr.data() + descr.size(), width);
  bool const is_big = descr.starts_with('>');
  if (descr.size() < 3 || error != std::errc{} || end != descr.data() + descr.size() || width < 1 ||
      width > (i64{1} << 24) || std::string_view("<>|=").find(descr[0]) == std::string_view::npos)
    unknown_type(header, name);
  bool const is_unicode = descr[1] == 'U', is_text = is_unicode || descr[1] == 'S';
  auto const* type = std::ranges::find_if(elements, [&](auto& e) { return e.kind == descr[1] && e.width == width; });
  if (!is_text && type == elements.end()) unknown_type(header, name);
  if (is_unicode) width *= 4;
  auto const data = bytes.subspan(header.size);
  auto const count = bytes_of(header.shape, DType::u8);
  auto const size = count ? bytes_of({*count, width}, DType::u8) : std::nullopt;
  if (!size || static_cast<u64>(*size) != data.size())
    throw Error(fmt::format("{}: the header promises {} elements of {}, and the file has {} for them", name,
                            count ? fmt::format("{}", *count) : "too many", byte_count(static_cast<u64>(width)),
                            byte_count(data.size())));
  if (is_text) return categories_of(header, data, width, is_unicode, is_big, name, known);
  NpyArray array;
  bool const is_ours = nnc::bytes(type->dtype) == width && !(type->kind == 'u' && width == 8);
  if (is_ours && !is_big && (!header.fortran || header.shape.size() < 2)) {
    array.tensor = HostTensor::view(type->dtype, header.shape, data, std::move(owner));
  } else {
    array.tensor = converted(header, *type, data, is_big, name);
    if (!is_ours) array.note = fmt::format("{}: '{}' is read as {}", name, descr, nnc::name(type->dtype));
  }
  if (type->dtype == DType::bool_)
    for (auto const byte : array.tensor.bytes())
      if (byte > 1) throw Error(fmt::format("{}: a bool that is {}", name, byte));
  return array;
}

} // namespace nnc
