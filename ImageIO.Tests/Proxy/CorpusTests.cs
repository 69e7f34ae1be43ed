using ImageIO.Fuzz.Targets;

namespace ImageIO.Tests.Proxy;

/// <summary>The seeds of the fuzzer, and its findings so far; <c>make fuzz</c> searches for more.</summary>
public sealed class CorpusTests
{
    public static TheoryData<string> Targets => [.. FuzzTarget.All.Keys];

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Every_input_of_the_corpus_is_taken_as_it_should_be(string target)
    {
        string[] inputs = Directory.GetFiles(FuzzTarget.CorpusOf(target));

        Assert.True(inputs.Length >= 5, "There is a corpus");
        // As in a program, because the tests' scheduler would move continuations that run inline.
        await Task.Run(() => Assert.All(inputs, input => FuzzTarget.All[target](File.ReadAllBytes(input))));
    }

    // Else nothing below the signature is ever reached.
    [Fact]
    public void Some_inputs_are_accepted()
    {
        string[] good = Directory.GetFiles(FuzzTarget.CorpusOf("ticket"), "good-*");

        Assert.True(good.Length >= 5, "There are good tickets");
        Assert.All(
            good, ticket => Assert.Equal("ticket-1", TicketTarget.Verified(File.ReadAllText(ticket)).Id.Reveal()));
    }
}
