// What the C API can say without a program: the build, and the words of the language.
#include "runtime/c/structs.h"

namespace nnc::c {
namespace {

struct Documentation {
  std::vector<Word> words;
  std::vector<std::vector<char const*>> names; // of each word
};

// Made when it is first asked for.
Documentation const& documentation() {
  static auto const made = [] {
    Documentation all{words(), {}};
    for (auto const& word : all.words) all.names.push_back(pointers_of(word.names));
    return all;
  }();
  return made;
}

} // namespace
} // namespace nnc::c

using namespace nnc::c;

extern "C" {

nnc_status nnc_describe_build(nnc_build* out) {
  return guarded([&] {
    static auto const build = nnc::build();
    fill(out,
         nnc_build{sizeof(nnc_build), build.version.c_str(), build.llvm.c_str(), build.target.c_str(),
                   build.cpu.c_str()},
         "out");
  });
}

int64_t nnc_word_count(void) {
  int64_t count = 0;
  (void)guarded([&] { count = count_of(documentation().words); });
  return count;
}

nnc_status nnc_word_at(int64_t index, nnc_word* out) {
  return guarded([&] {
    auto const& word = element_of(documentation().words, index, "word");
    auto const& names = documentation().names[static_cast<std::size_t>(index)];
    fill(out,
         nnc_word{sizeof(nnc_word), names.data(), count_of(names), word.kind.c_str(), word.form.c_str(),
                  word.text.c_str(), word.example.c_str()},
         "out");
  });
}

} // extern "C"
