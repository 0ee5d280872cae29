// The symbols of an object in ELF.
#pragma once

#include "codegen/codegen.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <string>
#include <vector>

namespace nnc {

struct Symbols { // of a relocatable file, sorted
  std::vector<std::string> undefined, global;
};

inline Symbols symbols(Object const& object) {
  REQUIRE(object.parts.size() == 1);
  u8 const* file = object.parts.front().data();
  auto at = [&]<class T>(u64 offset, T&& to) { std::memcpy(&to, file + offset, sizeof(to)); };
  Elf64_Ehdr header;
  at(0, header);
  auto section = [&](u64 number) {
    Elf64_Shdr s;
    at(header.e_shoff + number * header.e_shentsize, s);
    return s;
  };
  Symbols all;
  for (u64 i = 0; i < header.e_shnum; ++i) {
    auto const table = section(i);
    if (table.sh_type != SHT_SYMTAB) continue;
    auto const names = section(table.sh_link);
    for (u64 k = 1; k < table.sh_size / sizeof(Elf64_Sym); ++k) { // the first one is none
      Elf64_Sym symbol;
      at(table.sh_offset + k * sizeof(Elf64_Sym), symbol);
      std::string const name(reinterpret_cast<char const*>(file + names.sh_offset + symbol.st_name));
      if (symbol.st_shndx == SHN_UNDEF) all.undefined.push_back(name);
      else if (ELF64_ST_BIND(symbol.st_info) == STB_GLOBAL) all.global.push_back(name);
    }
  }
  std::sort(all.undefined.begin(), all.undefined.end());
  std::sort(all.global.begin(), all.global.end());
  return all;
}

} // namespace nnc
