// Files of numpy, written by hand.
#pragma once

#include "ir/basic.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>
#include <zlib.h>

namespace nnc::test {

inline std::string npy(std::string const& descr, std::string const& shape, std::string const& data, bool fortran = false,
                int version = 1) {
  auto header = "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape +
                ", }";
  size_t const fixed = version == 1 ? 10 : 12;
  header.resize((fixed + header.size() + 64) / 64 * 64 - fixed - 1, ' ');
  header += '\n';
  std::string text = "\x93NUMPY";
  text += static_cast<char>(version);
  text += '\0';
  for (size_t i = 0; i < fixed - 8; ++i) text += static_cast<char>(header.size() >> (8 * i));
  return text + header + data;
}

template <class T>
inline std::string bytes_of_numbers(std::vector<T> const& numbers) {
  return {reinterpret_cast<char const*>(numbers.data()), numbers.size() * sizeof(T)};
}

inline void put(std::string& text, u64 value, int width) {
  for (int i = 0; i < width; ++i) text += static_cast<char>(value >> (8 * i));
}

struct ZipFile {
  std::string name, content;
  bool deflated = false;
};

// As numpy.savez and savez_compressed write it.
inline std::string zip(std::vector<ZipFile> const& entries) {
  std::string file, directory;
  for (auto const& entry : entries) {
    auto packed = entry.content;
    if (entry.deflated) {
      z_stream z{};
      REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
      packed.resize(deflateBound(&z, entry.content.size()) + 16);
      z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(entry.content.data()));
      z.avail_in = static_cast<uInt>(entry.content.size());
      z.next_out = reinterpret_cast<Bytef*>(packed.data());
      z.avail_out = static_cast<uInt>(packed.size());
      REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
      packed.resize(z.total_out);
      deflateEnd(&z);
    }
    auto const crc = crc32(0, reinterpret_cast<Bytef const*>(entry.content.data()), static_cast<uInt>(entry.content.size()));
    auto const offset = file.size();
    std::string common;
    put(common, 20, 2), put(common, 0, 2), put(common, entry.deflated ? 8 : 0, 2), put(common, 0, 4);
    put(common, crc, 4), put(common, packed.size(), 4), put(common, entry.content.size(), 4);
    put(common, entry.name.size(), 2), put(common, 0, 2);
    put(file, 0x04034b50, 4);
    file += common + entry.name + packed;
    put(directory, 0x02014b50, 4), put(directory, 20, 2);
    directory += common;
    put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4), put(directory, offset, 4);
    directory += entry.name;
  }
  auto const at = file.size();
  file += directory;
  put(file, 0x06054b50, 4), put(file, 0, 4), put(file, entries.size(), 2), put(file, entries.size(), 2);
  put(file, directory.size(), 4), put(file, at, 4), put(file, 0, 2);
  return file;
}

} // namespace nnc::test
