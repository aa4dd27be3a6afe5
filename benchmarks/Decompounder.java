import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.compound.DictionaryCompoundWordTokenFilter;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;

/** What Elasticsearch's dictionary_decompounder makes of each line, by the filter it consists of. */
class Decompounder {
    public static void main(String[] arguments) throws Exception {
        var list = new CharArraySet(Files.readAllLines(Path.of(arguments[0])), true);
        boolean longest = Boolean.parseBoolean(arguments[1]);
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var output = new StringBuilder();
        for (String word; (word = input.readLine()) != null; output.append('\n')) {
            var tokenizer = new KeywordTokenizer();
            tokenizer.setReader(new java.io.StringReader(word));
            TokenStream stream = new DictionaryCompoundWordTokenFilter(tokenizer, list, 5, 3, 15, longest);
            var term = stream.addAttribute(CharTermAttribute.class);
            stream.reset();
            stream.incrementToken(); // the word itself
            while (stream.incrementToken()) {
                output.append(term).append(' ');
            }
            stream.close();
        }
        System.out.write(output.toString().getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
