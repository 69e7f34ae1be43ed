namespace ImageIO.Tests.Support;

/// <summary>A daemon's own directory: images, certificate, sockets, log and configuration.</summary>
internal sealed class DaemonFiles : IDisposable
{
    private readonly ImageDirectory _directory = new();

    /// <param name="options">Further options, in INI form; they come after the others, so they win.</param>
    public DaemonFiles(string options = "")
    {
        LogFile = _directory.File("log");
        Certificate = new TestCertificate(Path);
        Directory.CreateDirectory(System.IO.Path.Combine(Path, "conf.d"));
        File.WriteAllText(System.IO.Path.Combine(Path, "conf.d", "50-test.conf"), $"""
            [daemon]
            drain_timeout = 5
            drop_privileges = false
            [tls]
            cert_file = {Certificate.CertificateFile}
            key_file = {Certificate.KeyFile}
            [remote]
            host = 127.0.0.1
            port = 0
            [local]
            socket = {LocalSocket}
            [control]
            socket = {ControlSocket}
            [logger_root]
            level = DEBUG
            [handler_logfile]
            args = ("{LogFile}",)
            """);
        AddOptions("99-test.conf", options);
    }

    public string Path => _directory.Path;

    public TestCertificate Certificate { get; }

    public string LocalSocket => _directory.File("local");

    public string ControlSocket => _directory.File("control");

    /// <summary>The daemon's log: where its configuration has it unless a test's options say otherwise.</summary>
    public string LogFile { get; set; }

    /// <summary>The log of a daemon in this process in its other format.</summary>
    public string JsonLogFile => _directory.File("log.json");

    public string CreateImage(byte[] content) => _directory.Create($"image-{Guid.NewGuid():N}", content);

    /// <summary>A file of a size that holds only some parts; all else is a hole.</summary>
    public string CreateSparseImage(long size, params IEnumerable<(long Offset, byte[] Content)> parts)
    {
        string path = CreateImage([]);
        using FileStream file = File.OpenWrite(path);
        file.SetLength(size);
        foreach ((long offset, byte[] content) in parts)
        {
            RandomAccess.Write(file.SafeFileHandle, content, offset);
        }

        return path;
    }

    public void AddOptions(string fileName, string options) =>
        File.WriteAllText(System.IO.Path.Combine(Path, "conf.d", fileName), options);

    /// <summary>The log so far; the daemon may still be writing to it.</summary>
    public string ReadLog() => ProxyFiles.Read(LogFile);

    /// <summary>Fails when a log holds an id that a test used.</summary>
    public void AssertNoSecretIsLogged()
    {
        foreach (string log in ((string[])[LogFile, JsonLogFile]).Where(File.Exists))
        {
            SecretsInLogs.AssertNotIn(ProxyFiles.Read(log));
        }
    }

    public void Dispose() => _directory.Dispose();
}
