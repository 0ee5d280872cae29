#include "tools/nnc/words.h"

#include "nnc/nnc.hpp"
#include "tools/nnc/switches.h"

#include <algorithm>
#include <cctype>
#include <fmt/core.h>
#include <set>

namespace command {
namespace {

constexpr char const* elsewhere = "elsewhere";
constexpr std::size_t width = 100;
constexpr std::size_t full_line = 95; // of a comment: a line that is shorter was ended on purpose

std::vector<std::string> split(std::string const& text, std::string const& between) {
  std::vector<std::string> out;
  for (std::size_t i = 0;;) {
    auto const end = text.find(between, i);
    out.push_back(text.substr(i, end - i));
    if (end == std::string::npos) return out;
    i = end + between.size();
  }
}

// Words in lines of the screen's width, the second and further ones set in.
std::string wrapped(std::vector<std::string> const& words, std::string const& first, std::string const& rest) {
  std::string out = first;
  std::size_t column = first.size();
  bool fresh = true;
  for (auto const& word : words) {
    if (!fresh && column + 1 + word.size() > width) {
      out += "\n" + rest;
      column = rest.size();
      fresh = true;
    }
    if (!fresh) out += ' ', ++column;
    out += word;
    column += word.size();
    fresh = false;
  }
  return out + "\n";
}

std::string reflowed(std::string const& text) {
  std::string out;
  std::vector<std::string> words;
  auto const flush = [&] {
    if (!words.empty()) out += wrapped(words, "", "");
    words.clear();
  };
  for (auto const& line : split(text, "\n")) {
    if (line.empty() || line.starts_with(' ')) {
      flush();
      out += line + "\n";
      continue;
    }
    for (auto const& word : split(line, " "))
      if (!word.empty()) words.push_back(word);
    if (line.size() < full_line) flush();
  }
  flush();
  return out;
}

std::string set_in(std::string const& text) {
  std::string out;
  for (auto const& line : split(text, "\n")) out += "  " + line + "\n";
  return out;
}

std::string forms(nnc::Word const& word) { // of a statement there may be several, four blanks apart
  std::string out;
  for (auto const& form : split(word.form, "    ")) out += (out.empty() ? "" : "\n") + form;
  return out;
}

std::string shown(nnc::Word const& word) {
  std::string names;
  for (auto const& name : word.names) names += (names.empty() ? "" : " ") + name;
  return fmt::format("{} ({})\n\n{}\n{}\nexample\n{}", names, word.kind, set_in(forms(word)), reflowed(word.text),
                     set_in(word.example));
}

// Words in the order of their kinds; `see` gets each kind with its words.
template <class See>
void each_kind(std::vector<nnc::Word> const& words, See see) {
  std::vector<nnc::Word> of_one;
  for (auto const& word : words) {
    if (!of_one.empty() && of_one.front().kind != word.kind) see(std::exchange(of_one, {}));
    of_one.push_back(word);
  }
  if (!of_one.empty()) see(of_one);
}

std::string list(std::vector<nnc::Word> const& words) {
  std::string out;
  each_kind(words, [&](std::vector<nnc::Word> const& of_one) {
    if (of_one.front().kind == elsewhere) return;
    std::vector<std::string> names;
    for (auto const& word : of_one) names.insert(names.end(), word.names.begin(), word.names.end());
    out += wrapped(names, fmt::format("{:<14}", of_one.front().kind), std::string(14, ' '));
  });
  return out + "\nnnc --doc NAME says what one of them is, and what stands for a word of Keras or PyTorch;\n"
               "nnc --doc all is one page.\n";
}

// A kind: each of its words with the first sentence about it.
std::string list_of_kind(std::vector<nnc::Word> const& words, std::string const& kind) {
  std::string out;
  for (auto const& word : words) {
    if (word.kind != kind || kind == elsewhere) continue;
    auto sentence = word.text.substr(0, word.text.find("\n\n"));
    sentence = sentence.substr(0, sentence.find(". ")).substr(0, sentence.find(".\n"));
    std::replace(sentence.begin(), sentence.end(), '\n', ' ');
    if (sentence.ends_with('.')) sentence.pop_back();
    out += wrapped(split(sentence, " "), fmt::format("{:<22}", word.names[0] + " "), std::string(22, ' '));
  }
  return out;
}

std::string page(std::vector<nnc::Word> const& words) {
  std::string out =
      "# Words of the nnc language\n\n"
      "Written by `nnc --doc all` from the sources; NNC_UPDATE=1 in the environment of its test writes it "
      "anew. [LANGUAGE.md](../LANGUAGE.md)\nis the language as a whole; `nnc --doc NAME` prints one "
      "entry.\n";
  each_kind(words, [&](std::vector<nnc::Word> const& of_one) {
    auto kind = of_one.front().kind;
    if (kind == elsewhere) return;
    kind[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(kind[0])));
    out += fmt::format("\n## {}\n", kind);
    for (auto const& word : of_one) {
      std::string names;
      for (auto const& name : word.names) names += (names.empty() ? "`" : " `") + name + "`";
      out += fmt::format("\n### {}\n\n```nn\n{}\n```\n\n{}\n```nn\n{}\n```\n", names, forms(word), reflowed(word.text),
                         word.example);
    }
  });
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

[[noreturn]] void refuse(std::string const& name, std::vector<nnc::Word> const& words) {
  std::vector<std::string> known;
  for (auto const& word : words) known.insert(known.end(), word.names.begin(), word.names.end());
  auto near = nnc::suggestion(name, known);
  for (auto const& one : known) // `Dense`
    if (near.empty() && lower(one) == lower(name)) near = one;
  throw Mistake{fmt::format("--doc: the language has no word '{}'", name), near,
                near.empty() ? "nnc --doc lists all words" : ""};
}

} // namespace

std::string documentation_text(std::string const& name) {
  auto const words = nnc::words();
  if (name.empty()) return list(words);
  if (name == "all") return page(words);
  std::string out;
  auto const find = [&](std::string const& wanted, bool here) {
    std::set<std::string> said;
    for (auto const& word : words) {
      bool const named = std::find(word.names.begin(), word.names.end(), wanted) != word.names.end();
      if (!named || (word.kind != elsewhere) != here || !said.insert(word.text).second) continue;
      out += out.empty() ? "" : "\n";
      out += here ? shown(word) : fmt::format("{} is a word from elsewhere: {}\n", wanted, word.text);
    }
  };
  auto const last = name.substr(name.rfind('.') + 1); // `torch.nn.Linear`, `nn.functional.relu`
  for (auto const& wanted : {name, last}) {
    if (out.empty()) find(wanted, true);
    if (out.empty()) out = list_of_kind(words, wanted);
    if (out.empty()) find(wanted, false);
  }
  if (out.empty()) refuse(name, words);
  return out;
}

std::vector<std::string> documented_names() {
  std::set<std::string> out{"all"};
  for (auto const& word : nnc::words()) {
    if (word.kind != elsewhere) out.insert(word.kind);
    for (auto const& name : word.names)
      if (word.kind != elsewhere && std::isalpha(static_cast<unsigned char>(name[0]))) out.insert(name);
  }
  return {out.begin(), out.end()};
}

} // namespace command
