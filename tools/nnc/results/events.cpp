#include "tools/nnc/results/events.h"

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fmt/core.h>
#include <unistd.h>

namespace command {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? 0x82f63b78U : 0); // Castagnoli's, reversed
    table[i] = rest;
  }
  return table;
}();

template <class T>
std::string little_endian(T number) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof number; ++i) bytes += static_cast<char>(number >> (8 * i) & 255);
  return bytes;
}

std::string varint(std::uint64_t number) {
  std::string bytes;
  for (; number >= 128; number >>= 7) bytes += static_cast<char>((number & 127) | 128);
  return bytes + static_cast<char>(number);
}

// The fields of a message: a key of number and kind, and the value.
std::string key(unsigned field, unsigned kind) { return varint(field << 3 | kind); }
std::string number(unsigned field, std::int64_t value) {
  return key(field, 0) + varint(static_cast<std::uint64_t>(value));
}
std::string real(unsigned field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string real(unsigned field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string bytes(unsigned field, std::string_view value) {
  return key(field, 2) + varint(value.size()) + std::string(value);
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

} // namespace

std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (char const c : bytes) crc = crc >> 8 ^ crc_table[(crc ^ static_cast<unsigned char>(c)) & 255];
  return std::rotr(~crc, 15) + 0xa282ead8U;
}

void Events::open(std::string const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  char host[256] = "host";
  (void)::gethostname(host, sizeof host - 1);
  file_.open(fmt::format("{}/events.out.tfevents.{:.0f}.{}.{}", folder, std::floor(now()), host, ::getpid()));
  if (!record(real(1, now()) + bytes(3, "brain.Event:2")))
    throw nnc::Failure(nnc::Code::file, "error: " + file_.trouble());
}

// Value { tag = 1, simple_value = 2 }
bool Events::scalar(std::string const& tag, std::int64_t step, double x) {
  return value(step, bytes(1, tag) + real(2, static_cast<float>(x)));
}

// Value { tag = 1, image = 4 { height = 1, width = 2, colorspace = 3 (3: RGB), encoded_image_string = 4 } }
bool Events::picture(std::string const& tag, std::int64_t step, Picture const& image) {
  return value(step, bytes(1, tag) + bytes(4, number(1, image.height) + number(2, image.width) + number(3, 3) +
                                                  bytes(4, png(image))));
}

// Value { tag = 1, tensor = 8 { dtype = 1 (7: string), tensor_shape = 2 { dim = 2 { size = 1 } }, string_val = 8 },
// metadata = 9 { plugin_data = 1 { plugin_name = 1 } } }
bool Events::text(std::string const& tag, std::int64_t step, std::string const& markdown) {
  auto const tensor = number(1, 7) + bytes(2, bytes(2, number(1, 1))) + bytes(8, markdown);
  return value(step, bytes(1, tag) + bytes(8, tensor) + bytes(9, bytes(1, bytes(1, "text"))));
}

// Event { wall_time = 1, step = 2, summary = 5 { value = 1 } }
bool Events::value(std::int64_t step, std::string const& value) {
  return record(real(1, now()) + number(2, step) + bytes(5, bytes(1, value)));
}

bool Events::record(std::string const& event) {
  auto const length = little_endian(static_cast<std::uint64_t>(event.size()));
  return file_.put(length + little_endian(masked_crc(length)) + event + little_endian(masked_crc(event)));
}

} // namespace command
