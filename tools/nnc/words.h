// What --doc says of the words of the language.
#pragma once

#include <string>
#include <vector>

namespace command {

// Of one word: form, text, example, of each kind that has it; of a kind ("layers") its words with a sentence each; of a
// word from elsewhere what stands for it here. Of no word a list of all by kind; of "all" a page in Markdown,
// frontend/std/REFERENCE.md. Throws Mistake for a word that nobody knows.
std::string documentation_text(std::string const& name);
std::vector<std::string> documented_names(); // without signs, for the completions of shells

} // namespace command
