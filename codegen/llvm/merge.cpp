// Sections of one name become one, the parts' bytes one after the other; one table of symbols and two of names are made
// anew, and relocations are moved and renumbered.
#include "codegen/llvm/merge.h"

#include "ir/diagnostic.h"

#include <cstring>
#include <elf.h>
#include <map>

namespace nnc {
namespace {

struct Symbol {
  Elf64_Sym data{};
  std::string name;
};

class Part {
public:
  explicit Part(char const* bytes) : bytes_(bytes) {
    std::memcpy(&header_, bytes, sizeof header_);
    for (size_t i = 0; i < header_.e_shnum; ++i)
      sections.push_back(read<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr)));
    for (auto const& s : sections)
      if (s.sh_type == SHT_SYMTAB) read_symbols(s);
  }
  template <class T>
  T read(u64 offset) const {
    T t;
    std::memcpy(&t, bytes_ + offset, sizeof t);
    return t;
  }
  std::string name(Elf64_Shdr const& s) const { return text(sections[header_.e_shstrndx], s.sh_name); }
  char const* data(Elf64_Shdr const& s) const { return bytes_ + s.sh_offset; }
  Elf64_Ehdr const& header() const { return header_; }

  std::vector<Elf64_Shdr> sections;
  std::vector<Symbol> symbols;

private:
  std::string text(Elf64_Shdr const& table, u64 at) const { return bytes_ + table.sh_offset + at; }
  void read_symbols(Elf64_Shdr const& s) {
    for (u64 at = 0; at < s.sh_size; at += sizeof(Elf64_Sym)) {
      Symbol symbol{read<Elf64_Sym>(s.sh_offset + at), {}};
      symbol.name = text(sections[s.sh_link], symbol.data.st_name);
      symbols.push_back(std::move(symbol));
    }
  }
  char const* bytes_;
  Elf64_Ehdr header_{};
};

class Strings {
public:
  u32 add(std::string const& s) {
    if (s.empty()) return 0;
    auto at = static_cast<u32>(text.size());
    text += s;
    text += '\0';
    return at;
  }
  std::string text = std::string(1, '\0');
};

class Merger {
public:
  explicit Merger(std::vector<llvm::SmallVector<char, 0>> const& parts) {
    for (auto const& p : parts) parts_.emplace_back(p.data());
  }

  std::vector<u8> merge() {
    join_sections();
    join_symbols();
    out_.resize(sizeof(Elf64_Ehdr));
    headers_.resize(1);
    for (auto& section : sections_) write_section(section);
    append_table(".symtab", SHT_SYMTAB, symbols_.data(), symbols_.size() * sizeof(Elf64_Sym),
                 static_cast<u32>(sections_.size()) + 2);
    headers_.back().sh_info = first_global_;
    headers_.back().sh_entsize = sizeof(Elf64_Sym);
    append_table(".strtab", SHT_STRTAB, names_.text.data(), names_.text.size(), 0);
    u32 own_name = section_names_.add(".shstrtab");
    append_table("", SHT_STRTAB, section_names_.text.data(), section_names_.text.size(), 0);
    headers_.back().sh_name = own_name;
    finish();
    return std::move(out_);
  }

private:
  static bool carried(Elf64_Shdr const& s) {
    return s.sh_type == SHT_PROGBITS || s.sh_type == SHT_RELA || s.sh_type == SHT_X86_64_UNWIND;
  }

  struct Section {
    Elf64_Shdr header{};
    std::string name;
    std::vector<u8> bytes;
  };

  // Where the bytes of an old section went: the number of the new one (0: dropped) and the offset in it.
  struct Moved {
    u32 section = 0;
    u64 offset = 0;
  };

  void join_sections() {
    std::map<std::string, u32> by_name;
    for (auto const& part : parts_) {
      auto& moved = moved_.emplace_back(part.sections.size());
      for (size_t s = 0; s < part.sections.size(); ++s) {
        auto const& header = part.sections[s];
        if (!carried(header)) continue;
        auto [found, fresh] = by_name.try_emplace(part.name(header), static_cast<u32>(sections_.size()) + 1);
        if (fresh) sections_.push_back({header, part.name(header), {}});
        moved[s] = {found->second, append_to(sections_[found->second - 1], part, header)};
      }
    }
    symbol_table_ = static_cast<u32>(sections_.size()) + 1;
  }

  static u64 append_to(Section& section, Part const& part, Elf64_Shdr const& header) {
    u64 alignment = std::max<u64>(header.sh_addralign, 1);
    section.header.sh_addralign = std::max(section.header.sh_addralign, alignment);
    while (section.bytes.size() % alignment) section.bytes.push_back(0);
    u64 offset = section.bytes.size();
    auto const* bytes = reinterpret_cast<u8 const*>(part.data(header));
    section.bytes.insert(section.bytes.end(), bytes, bytes + header.sh_size);
    return offset;
  }

  static bool stays_global(Symbol const& s) {
    return ELF64_ST_BIND(s.data.st_info) != STB_LOCAL && ELF64_ST_VISIBILITY(s.data.st_other) == STV_DEFAULT;
  }

  // Local symbols come first, as ELF wants it; what is used in one part and defined in another has one number.
  void join_symbols() {
    symbols_.resize(1);
    for (auto const& part : parts_) new_symbol_.emplace_back(part.symbols.size(), 0);
    std::map<std::string, u32> by_name;
    for (bool global : {false, true}) {
      if (global) first_global_ = static_cast<u32>(symbols_.size());
      for (size_t p = 0; p < parts_.size(); ++p)
        for (size_t s = 1; s < parts_[p].symbols.size(); ++s) {
          auto const& symbol = parts_[p].symbols[s];
          if (symbol.data.st_shndx == SHN_UNDEF || stays_global(symbol) != global ||
              ELF64_ST_TYPE(symbol.data.st_info) == STT_FILE)
            continue;
          new_symbol_[p][s] = static_cast<u32>(symbols_.size());
          if (ELF64_ST_BIND(symbol.data.st_info) != STB_LOCAL) by_name[symbol.name] = new_symbol_[p][s];
          add_symbol(p, symbol, global);
        }
    }
    for (size_t p = 0; p < parts_.size(); ++p)
      for (size_t s = 1; s < parts_[p].symbols.size(); ++s) {
        auto const& symbol = parts_[p].symbols[s];
        if (symbol.data.st_shndx != SHN_UNDEF) continue;
        auto found = by_name.find(symbol.name);
        if (found == by_name.end()) throw CompilerBug("generated code needs the symbol " + symbol.name);
        new_symbol_[p][s] = found->second;
      }
  }

  void add_symbol(size_t part, Symbol const& s, bool global) {
    Elf64_Sym data = s.data;
    data.st_name = names_.add(s.name);
    if (data.st_shndx < SHN_LORESERVE) {
      auto const& moved = moved_[part][data.st_shndx];
      data.st_shndx = static_cast<u16>(moved.section);
      if (ELF64_ST_TYPE(data.st_info) != STT_SECTION) data.st_value += moved.offset;
    }
    data.st_info = ELF64_ST_INFO(global ? STB_GLOBAL : STB_LOCAL, ELF64_ST_TYPE(data.st_info));
    if (!global) data.st_other = STV_DEFAULT;
    symbols_.push_back(data);
  }

  void append(void const* from, u64 size, u64 alignment) {
    while (out_.size() % std::max<u64>(alignment, 1)) out_.push_back(0);
    auto const* bytes = static_cast<u8 const*>(from);
    out_.insert(out_.end(), bytes, bytes + size);
  }

  void write_section(Section& section) {
    section.header.sh_name = section_names_.add(section.name);
    append(section.bytes.data(), section.bytes.size(), section.header.sh_addralign);
    section.header.sh_size = section.bytes.size();
    section.header.sh_offset = out_.size() - section.bytes.size();
    if (section.header.sh_type == SHT_RELA) {
      section.header.sh_link = symbol_table_;
      move_relocations(section);
    }
    headers_.push_back(section.header);
  }

  // The relocations of one section, those of each part in turn.
  void move_relocations(Section& section) {
    auto number = static_cast<u32>(&section - sections_.data()) + 1;
    for (size_t p = 0; p < parts_.size(); ++p)
      for (size_t s = 0; s < moved_[p].size(); ++s) {
        if (moved_[p][s].section != number) continue;
        auto const& old = parts_[p].sections[s];
        auto const& target = moved_[p][old.sh_info];
        section.header.sh_info = target.section;
        u64 start = section.header.sh_offset + moved_[p][s].offset;
        for (u64 at = start; at < start + old.sh_size; at += sizeof(Elf64_Rela)) move_relocation(p, at, target.offset);
      }
  }

  void move_relocation(size_t part, u64 at, u64 offset) {
    Elf64_Rela r;
    std::memcpy(&r, &out_[at], sizeof r);
    auto const& symbol = parts_[part].symbols[ELF64_R_SYM(r.r_info)].data;
    r.r_offset += offset;
    if (ELF64_ST_TYPE(symbol.st_info) == STT_SECTION)
      r.r_addend += static_cast<i64>(moved_[part][symbol.st_shndx].offset);
    r.r_info = ELF64_R_INFO(static_cast<u64>(new_symbol_[part][ELF64_R_SYM(r.r_info)]), ELF64_R_TYPE(r.r_info));
    std::memcpy(&out_[at], &r, sizeof r);
  }

  void append_table(char const* name, u32 type, void const* from, u64 size, u32 link) {
    Elf64_Shdr header{};
    header.sh_name = section_names_.add(name);
    header.sh_type = type;
    header.sh_link = link;
    header.sh_size = size;
    header.sh_addralign = 8;
    append(from, size, 8);
    header.sh_offset = out_.size() - size;
    headers_.push_back(header);
  }

  void finish() {
    Elf64_Ehdr header = parts_.front().header();
    append(headers_.data(), headers_.size() * sizeof(Elf64_Shdr), 8);
    header.e_shoff = out_.size() - headers_.size() * sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<u16>(headers_.size());
    header.e_shstrndx = static_cast<u16>(headers_.size() - 1);
    std::memcpy(out_.data(), &header, sizeof header);
  }

  std::vector<Part> parts_;
  std::vector<Section> sections_;
  std::vector<std::vector<Moved>> moved_;    // by part and old number
  std::vector<std::vector<u32>> new_symbol_; // by part and old number; 0: dropped
  std::vector<Elf64_Shdr> headers_;
  std::vector<Elf64_Sym> symbols_;
  Strings names_, section_names_;
  u32 symbol_table_ = 0, first_global_ = 0;
  std::vector<u8> out_;
};

} // namespace

std::vector<u8> merge_objects(std::vector<llvm::SmallVector<char, 0>> const& parts) { return Merger(parts).merge(); }

std::vector<std::string> undefined_symbols(std::vector<u8> const& object) {
  Part part(reinterpret_cast<char const*>(object.data()));
  std::vector<std::string> names;
  for (size_t i = 1; i < part.symbols.size(); ++i)
    if (part.symbols[i].data.st_shndx == SHN_UNDEF) names.push_back(part.symbols[i].name);
  return names;
}

} // namespace nnc
