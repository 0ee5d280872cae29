// What the language has, for people: each function of the library and each builtin with the `##` comment of its
// declaration, the functions of one operator with the words of the table of operators, everything else from words.def,
// and the words of other languages from habits.def.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nnc {

struct DocumentedWord {
  std::vector<std::string> names; // what one looks it up by; the first one is its name
  std::string kind;               // "layers", "optimizers", "settings", "statements"
  std::string form;               // "dense(x: float[.., n], units, ...)"
  std::string text;
  std::string example; // a fragment of a program; empty: none
};

// In the order of a page: the words of the language, then the library, by kind. What the library keeps to itself has no
// `##` comment and is not among them.
std::vector<DocumentedWord> const& documented_words();

// A `##` comment: the paragraph that begins with "Example:" is the example.
void split_example(std::string_view comment, std::string& text, std::string& example);

} // namespace nnc
