#include "frontend/documentation.h"

#include "frontend/parser.h"
#include "frontend/std_library.h"

#include "ir/op.h"

#include <algorithm>
#include <fmt/core.h>

namespace nnc {

namespace {

using namespace syntax;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size();) {
    size_t const end = std::min(text.find(' ', i), text.size());
    if (end > i) out.emplace_back(text.substr(i, end - i));
    i = end + 1;
  }
  return out;
}

std::string trimmed(std::string_view text) {
  size_t const first = text.find_first_not_of(" \n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \n") - first + 1));
}

// Lines that share an indentation, without it.
std::string flush_left(std::string const& text) {
  size_t common = std::string::npos;
  auto const each_line = [&](auto const& see) {
    for (size_t i = 0; i < text.size();) {
      size_t const end = std::min(text.find('\n', i), text.size());
      see(std::string_view(text).substr(i, end - i));
      i = end + 1;
    }
  };
  each_line([&](std::string_view line) { common = std::min(common, line.find_first_not_of(' ')); });
  std::string out;
  each_line([&](std::string_view line) {
    out += fmt::format("{}{}", out.empty() ? "" : "\n", line.substr(std::min(common, line.size())));
  });
  return out;
}

size_t offset_of(std::string_view text, Location at) {
  size_t begin = 0;
  for (u32 line = 1; line < at.line; ++line) begin = text.find('\n', begin) + 1;
  return begin + at.column - 1;
}

// "relu(x: float[..])": what stands between `fn` and the body.
std::string form_of(Sources const& sources, FunctionDecl const& f) {
  auto const& text = sources.text(f.at.file);
  size_t const begin = offset_of(text, f.name.at), end = offset_of(text, f.body.at);
  std::string out;
  for (char const c : text.substr(begin, end - begin))
    if (c != '\n' && !(c == ' ' && out.ends_with(' '))) out += c;
  return trimmed(out);
}

// An operator says what it takes only by its type rule: floats, or else bools.
bool takes_floats(OpCode op, int operands) {
  try {
    (void)result_types(op, std::vector<Type>(static_cast<size_t>(operands), scalar_of(DType::f32)), {}, nullptr);
    return true;
  } catch (Error const&) {
    return false;
  }
}

DocumentedWord of_operator(OpCode op) {
  auto const& o = info(op);
  DocumentedWord out{.names = {std::string(o.word())},
                     .kind = "elementwise",
                     .form = std::string(o.written),
                     .text = std::string(o.doc),
                     .example = {}};
  bool const is_word = out.text.size() > 1 && std::isalpha(static_cast<unsigned char>(out.text[1])); // and no `x`
  if (is_word) out.text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out.text[0])));
  if (!out.text.ends_with(".")) out.text += '.';
  if (!o.accuracy.empty()) out.text += fmt::format(" In f32 {}.", o.accuracy);
  bool const floats = takes_floats(op, o.arity);
  out.example = fmt::format("y = {}({}{})", o.word(), floats ? "x" : "x > 0",
                            o.arity < 2 ? ""
                            : floats    ? ", z"
                                        : ", z > 0");
  return out;
}

std::string kind_of(std::string_view file) { // "std/layers.nn"
  file.remove_prefix(file.find('/') + 1);
  return std::string(file.substr(0, file.find('.')));
}

void add_file(StdFile const& file, std::vector<DocumentedWord>& out) {
  Sources sources;
  auto const parsed = parse(sources, sources.add(std::string(file.name), std::string(file.text)));
  for (auto const* family : {&parsed.file.functions, &parsed.file.optimizers})
    for (auto const& f : *family) {
      if (f->doc.empty()) continue;
      DocumentedWord word{
          .names = {f->name.text}, .kind = kind_of(file.name), .form = form_of(sources, *f), .text = {}, .example = {}};
      split_example(f->doc, word.text, word.example);
      out.push_back(std::move(word));
    }
}

std::vector<DocumentedWord> all() {
  std::vector<DocumentedWord> out, library;
#define NNC_WORD(kind, names, form, text, example) out.push_back({words_of(names), #kind, form, text, example});
#include "frontend/words.def"
#undef NNC_WORD
  for (auto const& file : builtin_library()) add_file(file, library);
  for (auto const& op : all_ops())
    if (info(op).is_function()) library.push_back(of_operator(op));
  for (auto const& file : std_library()) add_file(file, library);
  std::stable_sort(library.begin(), library.end(), [](auto const& a, auto const& b) { return a.kind < b.kind; });
  out.insert(out.end(), std::make_move_iterator(library.begin()), std::make_move_iterator(library.end()));
  return out;
}

} // namespace

void split_example(std::string_view comment, std::string& text, std::string& example) {
  constexpr std::string_view mark = "Example:";
  size_t at = comment.starts_with(mark) ? 0 : comment.find(std::string("\n") + std::string(mark));
  example.clear();
  if (at == std::string_view::npos) return void(text = trimmed(comment));
  at += at > 0;
  size_t const end = std::min(comment.find("\n\n", at), comment.size());
  text = trimmed(trimmed(comment.substr(0, at)) + "\n\n" + trimmed(comment.substr(end)));
  auto fragment = std::string(comment.substr(at + mark.size(), end - at - mark.size()));
  while (fragment.starts_with(' ')) fragment.erase(0, 1);
  example = flush_left(fragment.starts_with('\n') ? fragment.substr(1) : fragment);
}

std::vector<DocumentedWord> const& documented_words() {
  static std::vector<DocumentedWord> const words = all();
  return words;
}

} // namespace nnc
