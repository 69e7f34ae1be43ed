using ImageIO.Core.Errors;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// What strangers' bytes are fed to. A target throws when something is wrong with how they were taken; refusing them as
/// the code under test is meant to is nothing wrong.
/// </summary>
internal static class FuzzTarget
{
    /// <summary>All of them, by the names that the corpus' directories have.</summary>
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

    /// <summary>The files that the search begins with, and that tests go through.</summary>
    public static string CorpusOf(string name) => Path.Combine(AppContext.BaseDirectory, "Corpus", name);

    /// <summary>Runs what may refuse its input for one of some reasons.</summary>
    public static void MayRefuse(Action action, params ReadOnlySpan<TransferError> reasons)
    {
        try
        {
            action();
        }
        catch (TransferException e) when (reasons.Contains(e.Error))
        {
            // As it should.
        }
    }

    /// <summary>Fails when something that must hold does not.</summary>
    public static void MustHold(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"It does not hold that {what}");
        }
    }
}
