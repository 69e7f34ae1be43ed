namespace ImageIO.Tests.Support;

/// <summary>A daemon's own directory: images, certificate, sockets, log and configuration.</summary>
internal sealed class DaemonFiles : IDisposable
{
    private readonly ImageDirectory _directory = new();

    /// <param name="options">Further options, in INI form; they come after the others, so they win.</param>
    public DaemonFiles(string options = "")
    {
        Certificate = new TestCertificate(Path);
        Directory.CreateDirectory(System.IO.Path.Combine(Path, "conf.d"));
        File.WriteAllText(System.IO.Path.Combine(Path, "conf.d", "50-test.conf"), $"""
            [daemon]
            drain_timeout = 5
            drop_privileges = false
            [tls]
            cert_file = {Certificate.CertificateFile}
            key_file = {Certificate.KeyFile}
            transport = {TlsTransports.UnderTest}
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

    public string LogFile => _directory.File("log");

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
    public string ReadLog()
    {
        using var file = new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    public void Dispose() => _directory.Dispose();
}
