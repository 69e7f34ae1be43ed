namespace ImageIO.Proxy.SignedTickets;

/// <summary>The signatures of a ticket.</summary>
[Flags]
public enum SignatureForms
{
    /// <summary>None. No proxy accepts it.</summary>
    None = 0,

    /// <summary><c>signature</c>: PKCS#1 v1.5, for proxies of managers up to 4.4.</summary>
    Pkcs1 = 1,

    /// <summary><c>v2_signature</c>: PSS, for proxies of managers from 4.4.6 on.</summary>
    Pss = 2,

    /// <summary>Both.</summary>
    Both = Pkcs1 | Pss,
}
