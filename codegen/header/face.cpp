#include "codegen/header/face.h"

#include "ir/host.h"

#include <algorithm>

namespace nnc {
namespace {

// Of C23 and C++23, with the operators that C++ spells as words; and, below, macros without arguments of the standard
// headers, of gcc and of windows.h, which a program may include in front of ours.
constexpr std::string_view reserved =
    " "
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const "
    "const_cast consteval constexpr constinit continue co_await co_return co_yield decltype default delete "
    "do double dynamic_cast else enum explicit export extern false float for friend goto if inline int "
    "long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public "
    "register reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast "
    "struct switch template this thread_local throw true try typedef typeid typename typeof union "
    "unsigned using virtual void volatile wchar_t while xor xor_eq "
    "BUFSIZ EOF HUGE_VAL HUGE_VALF I INFINITY NAN NULL RAND_MAX complex errno far huge imaginary interface linux near "
    "noreturn pascal small stderr stdin stdout unix ";

CBlock* block_of(CFace& face, Role role) {
  switch (role) {
  case Role::param: return &face.parameters;
  case Role::state: return &face.states;
  case Role::optimizer: return &face.optimizer;
  default: return nullptr;
  }
}

void add_argument(CFace& face, Function const& f, Argument const& a) {
  auto const& value = f.values[a.value];
  if (auto* block = block_of(face, a.role)) block->add(value.name, value.type);
  if (a.role == Role::data) (f.name == "run" ? face.inputs : face.data).add(value.name, value.type);
  if (a.role != Role::scalar) return;
  if (value.name == "steps") face.reads_steps = true;
  else if (value.name == "epoch") face.reads_epoch = true;
  else face.numbers.add(value.name, value.type);
}

bool is_filled(Function const& f, Argument const& a) {
  bool const row = a.role == Role::rows || a.role == Role::data;
  if (row) return f.name != "initialize";
  return is_kept(a.role) || a.role == Role::scalar || a.role == Role::step || a.role == Role::seed;
}

bool is_constant(Type const& type) {
  for (auto const& extent : type.shape)
    if (!extent.constant()) return false;
  return true;
}

} // namespace

std::string c_word(std::string_view name) {
  std::string word;
  for (char c : name) {
    bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool const digit = c >= '0' && c <= '9';
    if (digit && word.empty()) word = "x";
    word += letter || digit ? c : '_';
  }
  // Names that begin with '_' or hold "__" are those of compilers.
  for (size_t at; (at = word.find("__")) != std::string::npos;) word.erase(at, 1);
  if (word.empty() || word.front() == '_') word = "x" + word;
  return word;
}

bool is_c_word(std::string_view name) { return !name.empty() && c_word(name) == name; }

std::string c_name(std::string_view name) {
  auto word = c_word(name);
  return reserved.find(" " + word + " ") == std::string_view::npos ? word : word + "_";
}

void CBlock::add(std::string const& name, Type const& type) {
  if (auto const* known = find(name)) {
    if (known->type == type) return;
    throw Error("'" + name + "' is " + known->type.text() + " in one function and " + type.text() + " in another");
  }
  auto const taken = [&](std::string const& word) {
    return word == beside_ || std::any_of(members.begin(), members.end(), [&](auto const& m) { return m.c == word; });
  };
  std::string const plain = c_name(name);
  std::string word = plain;
  for (int number = 2; taken(word); ++number) word = plain + "_" + std::to_string(number);
  members.push_back({name, word, type});
}

CMember const* CBlock::find(std::string_view name) const {
  for (auto const& m : members)
    if (m.name == name) return &m;
  return nullptr;
}

CLayout layout_of(CBlock const& block) {
  CLayout layout;
  i64 widest = 1;
  for (auto const& m : block.members) {
    i64 const size = bytes(m.type.dtype);
    i64 const count = std::max<i64>(*element_count(m.type.shape).constant(), 1);
    layout.bytes = (layout.bytes + size - 1) / size * size;
    layout.offsets.push_back(layout.bytes);
    layout.bytes += size * count;
    widest = std::max(widest, size);
  }
  layout.bytes = (layout.bytes + widest - 1) / widest * widest;
  return layout;
}

std::string_view c_type(DType d) {
  switch (d) {
  case DType::f64: return "double";
  case DType::f32: return "float";
  case DType::f16:
  case DType::bf16: return "uint16_t"; // the bits
  case DType::i64: return "int64_t";
  case DType::i32: return "int32_t";
  case DType::i8: return "int8_t";
  case DType::u8:
  case DType::bool_: return "uint8_t"; // 0 or 1
  }
  throw CompilerBug("a dtype without a type of C");
}

bool is_known_to_hosts(Function const& f) {
  return std::find(std::begin(host_functions), std::end(host_functions), f.name) != std::end(host_functions);
}

Module for_hosts(Module m) {
  bool const has_phases = m.function(of_phase("train_step", 1)) != nullptr;
  std::erase_if(m.functions, [&](Function const& f) {
    bool const carries = std::ranges::find(f.arguments, Role::carried, &Argument::role) != f.arguments.end();
    return f.name == "begin_pass" || carries || (has_phases && f.name.starts_with("train_step"));
  });
  return m;
}

CFace face_of(Module const& m) {
  CFace face;
  for (auto const name : host_functions) {
    auto const* f = m.function(name);
    if (!f) continue;
    for (auto const& r : f->results) {
      if (auto* block = block_of(face, r.role)) block->add(r.name, f->type(r.value));
      if (r.role == Role::output) face.outputs.add(r.name, f->type(r.value));
    }
    for (auto const& a : f->arguments) add_argument(face, *f, a);
  }
  return face;
}

bool has_face(Module const& m) {
  bool any = false;
  for (auto const& f : m.functions) {
    if (f.name == "require") continue;
    if (!is_known_to_hosts(f)) return false;
    any = true;
    for (auto const& a : f.arguments)
      if (!is_filled(f, a) || (is_kept(a.role) && !is_constant(f.type(a.value)))) return false;
    for (auto const& r : f.results)
      if (!is_taken_by_hosts(f, r) || (is_kept(r.role) && !is_constant(f.type(r.value)))) return false;
  }
  return any;
}

CBlock reports_of(Function const& f) {
  CBlock block;
  for (auto const& r : f.results)
    if (is_report(r.role)) block.add(r.name, f.type(r.value));
  return block;
}

} // namespace nnc
