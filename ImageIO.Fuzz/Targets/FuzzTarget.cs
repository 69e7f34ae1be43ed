using ImageIO.Core.Errors;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The targets of the fuzzer. A target throws when untrusted bytes are handled wrongly; a refusal that the code is
/// meant to make is right.
/// </summary>
internal static class FuzzTarget
{
    /// <summary>All targets, by the names of their directories in the corpus.</summary>
    public static IReadOnlyDictionary<string, Action<byte[]>> All { get; } = new Dictionary<string, Action<byte[]>>
    {
        ["ticket"] = TicketTarget.Text,
        ["ticket-json"] = TicketTarget.Json,
        ["payload"] = PayloadTarget.Run,
        ["headers"] = HeaderTarget.Run,
        ["session"] = SessionTarget.Run,
        ["answer"] = AnswerTarget.Run,
        ["request"] = RequestTarget.Run,
        ["chunk"] = ChunkTarget.Run,
        ["answer-body"] = AnswerBodyTarget.Run,
        ["any-host"] = AnyHostTarget.Run,
        ["qcow2"] = Qcow2Target.Read,
        ["tar"] = Qcow2Target.Tar,
        ["nbd"] = NbdTarget.Run,
        ["tls-handshake"] = TlsTarget.Handshake,
        ["tls-records"] = TlsTarget.Records,
    };

    /// <summary>The directory of a target's seeds, which tests use, too.</summary>
    public static string CorpusOf(string name) => Path.Combine(AppContext.BaseDirectory, "Corpus", name);

    /// <summary>Runs an action that may refuse its input for some reasons.</summary>
    public static void MayRefuse(Action action, params ReadOnlySpan<TransferError> reasons)
    {
        try
        {
            action();
        }
        catch (TransferException e) when (reasons.Contains(e.Error))
        {
            // As intended.
        }
    }

    /// <summary>Throws unless a condition holds.</summary>
    public static void MustHold(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"It does not hold that {what}");
        }
    }
}
